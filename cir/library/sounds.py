"""Adding sounds to a database: one-shots, multi-samples, sound fonts, presets and note banks."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cir.errors import InputError
from cir.files import workspace
from cir.index.bundle import is_bundle
from cir.index.changes import check_new_folder
from cir.index.database import InstrumentDatabase, check_may_change
from cir.index.row_store import FileRecord, RowStore
from cir.instruments.families import check_families
from cir.instruments.safe_zip import ARCHIVE_SUFFIX
from cir.library.find_files import TAKEN_SUFFIXES, Found, Limits, UploadedFile, find_files
from cir.library.own_notes import Labels, NoteReader
from cir.library.planning import Planner, Step
from cir.library.sandboxed_engines import SandboxedEngines
from cir.library.sound_file import SoundFile
from cir.library.workers import LocalWorkers, Workers
from cir.library.writer import Writer
from cir.types import Encoder, Instrument, Progress

__all__ = ["AddReport", "Labels", "Limits", "UploadedFile", "add_sounds"]


@dataclass(frozen=True)
class AddReport:
    """Result of adding sounds."""

    added: tuple[Instrument, ...]
    """New instruments, and those that replace others of the same id."""
    refused: tuple[str, ...]
    """Reason for each sound that was left out."""
    unchanged: int = 0
    """Number of sounds that were stored already."""
    replaced: int = 0
    """Number of instruments that replaced another."""
    was_stopped: bool = False
    """Whether `stop` ended it early; the same call goes on from here."""
    notices: tuple[str, ...] = ()
    """What is missing of each sound that was read in part."""
    moved: int = 0
    """Number of instruments whose files lie elsewhere now; their rows stayed."""
    removed: int = 0
    """Number of instruments that were removed with their files."""
    missing: int = 0
    """Number of instruments that stayed although their files have gone."""


def add_sounds(
    folder: Path | str,
    encoder: Encoder,
    paths: Sequence[Path | str | UploadedFile],
    labels: Labels | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    remove_missing: bool = False,
    workers: Workers | None = None,
) -> AddReport:
    """Add sounds to a database, which is created if missing, each as an instrument.

    A file that was added before is read again only if its size, time of change or labels differ,
    and embedded again only if its content does; a file that was moved keeps its instruments.
    Sounds are written a few hundred at a time, so that the same call goes on after an
    interruption. Sounds that cannot be added are left out and reported.

    Args:
        folder: Folder of the database: new, empty, or made with `encoder`.
        encoder: Embeds the sounds.
        paths: Sound files, sound fonts, presets, folders and zip archives of these, note banks,
            and `plugin:PATH[?presets=FOLDER]`.
        labels: Labels of all sounds.
        limits: Limits on what is added.
        progress: Called while files are looked for, and after every sound.
        stop: Called after every sound; returning True leaves out the rest.
        remove_missing: Whether instruments go whose files have gone from the folders and archives
            of `paths`; otherwise they stay and are counted.
        workers: What decodes and plays; None for processes on this machine.

    Raises:
        InputError: There is more than the limits allow, or nothing can be added.
        DatabaseError: Another model made the database, or it is the bundled one.
        StorageError: The disk is full.
    """
    target = Path(folder).expanduser()
    check_may_change(target)
    if is_bundle(target):
        InstrumentDatabase.open(target, encoder=encoder)  # refuse before the work, not after
    else:
        check_new_folder(target)
    labels, limits = labels or Labels(), limits or Limits()
    if labels.family is not None:
        check_families([labels.family])
    with (
        workspace("add") as folder_of_work,
        SandboxedEngines() as engines,
        workers or LocalWorkers() as running,
    ):
        reader = NoteReader(labels, limits, engines)
        writer = Writer(target, encoder, limits)
        planner = Planner(reader, writer.store)
        try:
            found = find_files(paths, folder_of_work, limits, planner.is_known, progress)
            writer.account.refused += found.refused
            was_stopped = _take_all(found.files, planner, running, writer, progress, stop)
            if not was_stopped:
                _end(found, planner, writer, reader.labels, remove_missing)
        finally:
            writer.close()
    account = writer.account
    done = account.unchanged + account.moved + account.removed + account.missing
    if not (account.added or done or was_stopped):
        why = f"; the first problem: {account.refused[0]}" if account.refused else "."
        raise InputError(f"None of the sounds can be added{why}")
    return AddReport(
        added=tuple(account.added),
        refused=tuple(account.refused),
        unchanged=account.unchanged,
        replaced=account.replaced,
        was_stopped=was_stopped,
        notices=tuple(account.notices),
        moved=account.moved,
        removed=account.removed,
        missing=account.missing,
    )


def _take_all(
    files: Sequence[SoundFile],
    planner: Planner,
    workers: Workers,
    writer: Writer,
    progress: Progress | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Do the steps of all files; return whether `stop` ended it early."""
    started, done = time.monotonic(), 0
    try:
        for step, outcome in workers.run(planner.steps(files)):
            writer.take(step, outcome)
            done += step.task is not None
            if progress is not None:
                seconds = max(time.monotonic() - started, 1e-3)
                progress(step.number / len(files), _words(step, len(files), done / seconds))
            if stop is not None and stop():
                return True
    finally:
        writer.commit()
    return False


def _words(step: Step, n_files: int, rate: float) -> str:
    speed = f", {rate:.0f} sounds a second" if rate >= 1.0 else ""
    return f"{step.shown} (file {step.number:,} of {n_files:,}{speed})"


def _end(found: Found, planner: Planner, writer: Writer, labels: str, remove_missing: bool) -> None:
    """Settle what has gone from the places that were read to their end."""
    if writer.store is None:
        return
    writer.store.refresh()
    for place in found.unchanged:
        for record in writer.store.files_under(place):
            writer.account.unchanged += writer.store.count_of(record.path)
            writer.account.refused += [record.refusal] if record.refusal else []
    kept = (*found.unchanged, *found.unread)
    archives = {one.origin for one in found.archives} | {one.removesuffix("!") for one in kept}
    settled = planner.seen | archives
    gone = {
        record.path: record  # once, as places may lie in each other
        for place in found.places
        for record in _records_of(place, writer.store)
        if record.path not in settled and not record.path.startswith(kept)
    }
    _settle(list(gone.values()), writer, remove_missing)
    _remember(found.archives, planner.unrecorded | writer.unrecorded, writer, labels)


def _remember(
    archives: Sequence[SoundFile], unrecorded: set[str], writer: Writer, labels: str
) -> None:
    """Write the records of archives, but for those with a file that is to be read again."""
    records, unfinished = [], []
    for one in archives:
        if any(origin.startswith(f"{one.origin}!") for origin in unrecorded):
            unfinished.append(one.origin)
        else:
            records.append(FileRecord(one.origin, one.size, one.mtime_ns, "", labels))
    writer.remember(records, unfinished)


def _records_of(place: str, store: RowStore) -> Iterator[FileRecord]:
    """Yield the records of the files in a place, with multi-samples directly in a folder."""
    yield from store.files_under(place)
    if place.endswith(os.sep):
        top = f"{place.removesuffix(os.sep)}#"
        for record in store.files_under(top):
            if _is_key(record.path.removeprefix(top)):
                yield record


def _is_key(text: str) -> bool:
    """Return whether an origin `folder#text` is a multi-sample's.

    Otherwise it is of a neighbour whose name goes on after the folder's: a file, archive or folder.
    A key that holds `#` itself counts as one too, since nobody can tell.
    """
    is_neighbour = any(mark in text for mark in (os.sep, "#", f"{ARCHIVE_SUFFIX}!"))
    return not is_neighbour and os.path.splitext(text)[1].lower() not in TAKEN_SUFFIXES


def _settle(gone: Sequence[FileRecord], writer: Writer, remove_missing: bool) -> None:
    """Remove rows of files that have gone, if that is wanted.

    Those of files that are there, but no instruments of their own any more, go in any case.
    """
    assert writer.store is not None  # noqa: S101 - the records are in it
    ids: list[str] = []
    paths: list[str] = []
    for record in gone:
        rows = [row.instrument.instrument_id for row in writer.store.rows_of(record.path)]
        if remove_missing or os.path.exists(record.path):
            ids += rows
            paths.append(record.path)
        else:
            writer.account.missing += len(rows)
    if paths:
        writer.remove(ids, paths)
