"""Adding one's own sounds to a database: one-shots, sound fonts and presets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cir.errors import CirError, InputError, StorageError
from cir.files import workspace
from cir.index.bundle import is_bundle
from cir.index.database import InstrumentDatabase, check_new_folder
from cir.instruments.families import check_families
from cir.library.engines import OwnEngines
from cir.library.files import Limits, SoundFile, Upload, find_files
from cir.library.notes import Labels, NoteReader, OwnNote
from cir.library.writer import OwnWriter
from cir.types import Encoder, Instrument, Progress

__all__ = ["AddReport", "Labels", "Limits", "Upload", "add_sounds"]


@dataclass(frozen=True)
class AddReport:
    """What became of the sounds."""

    added: tuple[Instrument, ...]
    """New ones, and those in place of others of the same id."""
    refused: tuple[str, ...]
    """For each sound that was left out, why."""
    unchanged: int = 0
    """How many were there already, just as they are."""
    replaced: int = 0
    """How many of those added took the place of another."""
    was_stopped: bool = False
    """Not everything was looked at; the same again goes on from here."""
    notices: tuple[str, ...] = ()
    """For each sound that was read in part, what is missing."""


def add_sounds(
    folder: Path | str,
    encoder: Encoder,
    paths: Sequence[Path | str | Upload],
    labels: Labels | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> AddReport:
    """Add sounds to a database of one's own, each as an instrument; made where there is none.

    The same file again replaces itself, and costs nothing where neither it nor its labels changed.
    Sounds are stored a few hundred at a time, each time all or none; an interruption keeps those
    that are ready.

    What cannot be added is left out and reported.

    Args:
        folder: of the database; new, empty, or one that `encoder` made.
        encoder: embeds the sounds.
        paths: sound files, sound fonts and presets of synthesizers, folders (with all they hold)
            and zip archives of these; `plugin:PATH[?presets=FOLDER]`.
        labels: what to say of them.
        limits: how much may be added.
        progress: called after every sound.
        stop: asked after every sound; once it says yes, the rest is left.

    Raises:
        InputError: there is more than the limits allow, or nothing can be added.
        DatabaseError: another model made the database, or it is the bundled one.
        StorageError: the disk is full.
    """
    target = Path(folder).expanduser()
    if is_bundle(target):
        InstrumentDatabase.open(target, encoder=encoder)  # refuse before the work, not after
    else:
        check_new_folder(target)
    labels, limits = labels or Labels(), limits or Limits()
    if labels.family is not None:
        check_families([labels.family])
    with workspace("add") as folder_of_work, OwnEngines() as engines:
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
    """Give the instruments of all files; why one gives none goes to `refused`."""
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
