"""Adding personal sounds to a database: one-shots, sound fonts and presets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cir.errors import CirError, InputError, StorageError
from cir.files import workspace
from cir.index.bundle import is_bundle
from cir.index.changes import check_new_folder
from cir.index.database import InstrumentDatabase
from cir.instruments.families import check_families
from cir.library.find_files import Limits, SoundFile, UploadedFile, find_files
from cir.library.own_notes import Labels, NoteReader, OwnNote
from cir.library.own_writer import OwnWriter
from cir.library.sandboxed_engines import SandboxedEngines
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


def add_sounds(
    folder: Path | str,
    encoder: Encoder,
    paths: Sequence[Path | str | UploadedFile],
    labels: Labels | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> AddReport:
    """Add sounds to a personal database, which is created if missing, each as an instrument.

    A file that was added before is replaced, or skipped if neither it nor its labels changed.
    Sounds are stored a few hundred at a time; an interruption keeps those that are stored. Sounds
    that cannot be added are left out and reported.

    Args:
        folder: Folder of the database: new, empty, or made with `encoder`.
        encoder: Embeds the sounds.
        paths: Sound files, sound fonts, presets, folders and zip archives of these, and
            `plugin:PATH[?presets=FOLDER]`.
        labels: Labels of all sounds.
        limits: Limits on what is added.
        progress: Called after every sound.
        stop: Called after every sound; returning True leaves out the rest.

    Raises:
        InputError: There is more than the limits allow, or nothing can be added.
        DatabaseError: Another model made the database, or it is the bundled one.
        StorageError: The disk is full.
    """
    target = Path(folder).expanduser()
    if is_bundle(target):
        InstrumentDatabase.open(target, encoder=encoder)  # refuse before the work, not after
    else:
        check_new_folder(target)
    labels, limits = labels or Labels(), limits or Limits()
    if labels.family is not None:
        check_families([labels.family])
    with workspace("add") as folder_of_work, SandboxedEngines() as engines:
        files, refused = find_files(paths, folder_of_work, limits)
        reader = NoteReader(labels, limits, engines)
        writer = OwnWriter(target, encoder, folder_of_work, limits)
        was_stopped = False
        try:
            for note in _notes(files, reader, refused, progress):
                writer.take(note, refused)
                if stop is not None and stop():
                    was_stopped = True
                    break
        finally:
            writer.store(refused)
    if not (writer.added or writer.unchanged or was_stopped):
        why = f"; the first problem: {refused[0]}" if refused else "."
        raise InputError(f"None of the sounds can be added{why}")
    return AddReport(
        tuple(writer.added),
        tuple(refused),
        writer.unchanged,
        writer.replaced,
        was_stopped,
        tuple(writer.notices),
    )


def _notes(
    files: Sequence[SoundFile],
    reader: NoteReader,
    refused: list[str],
    progress: Progress | None,
) -> Iterator[OwnNote]:
    """Give the instruments of all files; reasons of refusal go to `refused`."""
    for done, file in enumerate(files):
        try:
            notes = list(reader.read(file))
        except StorageError:
            raise
        except CirError as error:
            refused.append(str(error))
            notes = []
        for number, note in enumerate(notes, start=1):
            yield note
            if progress is not None:
                share = (done + number / len(notes)) / len(files)
                progress(share, f"{note.instrument.name} (file {done + 1} of {len(files)})")
