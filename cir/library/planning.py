"""What has to be done about each file: nothing, new labels, another place, or new embeddings."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cir.errors import CirError, InputError, StorageError
from cir.index.row_store import FileRecord, Row, RowStore
from cir.instruments.catalog import check_instrument
from cir.library.digests import digest_of
from cir.library.own_notes import NoteReader, OwnNote
from cir.library.sound_file import SoundFile
from cir.library.sound_tasks import SoundTask
from cir.types import FloatArray, Instrument

_NO_VECTOR: FloatArray = np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class Step:
    """One instrument to write, or a file that is done."""

    shown: str
    """Name for progress."""
    number: int
    """Of the file, from 1."""
    row: Row | None = None
    """The row to write; one with a task gets its vector from that."""
    task: SoundTask | None = None
    replaces: bool = False
    """Whether the row takes the place of another."""
    borrows: str = ""
    """Id of the instrument whose preview and phrase it gets too."""
    unchanged: int = 0
    """Instruments that stay as they are."""
    moved: int = 0
    """Instruments whose file lies elsewhere now."""
    refusal: str = ""
    """Why nothing is made of the file."""
    record: FileRecord | None = None
    """The file, with the last of its steps."""
    forgotten: tuple[str, ...] = ()
    """Records that go with it."""
    removed: tuple[str, ...] = ()
    """Ids of rows that go with it."""


class Planner:
    """Plans one file after the other.

    Args:
        reader: Lists the instruments of a file.
        store: What is there already; None if nothing is.
    """

    def __init__(self, reader: NoteReader, store: RowStore | None) -> None:
        self._reader = reader
        self._labels = reader.labels
        self._store = store
        self._taken: set[str] = set()
        self.seen: set[str] = set()
        """Origins of all files so far."""
        self.unrecorded: set[str] = set()
        """Those of them that were refused without a record, so that they are read again."""

    def is_known(self, file: SoundFile) -> bool:
        """Return whether a file was read before, with the same labels, and is as it was."""
        record = self._record(file)
        return record is not None and self._has_status(record, file)

    def steps(self, files: Sequence[SoundFile]) -> Iterator[Step]:
        """Yield the steps of all files, in order."""
        for number, file in enumerate(files, start=1):
            self.seen.add(file.origin)
            yield from self._plan(file, number)

    def _plan(self, file: SoundFile, number: int) -> Iterator[Step]:
        record = self._record(file)
        plain = Step(file.shown, number)
        if record is not None and self._store is not None and self._has_status(record, file):
            yield replace(
                plain, unchanged=self._store.count_of(file.origin), refusal=record.refusal
            )
            return
        self._refresh()
        try:
            content = digest_of(file)
        except OSError as error:
            self.unrecorded.add(file.origin)
            yield replace(plain, refusal=f"{file.shown} cannot be read ({error.strerror}).")
            return
        now = FileRecord(file.origin, file.size, file.mtime_ns, content, self._labels)
        known = record and (record.content, record.labels)
        if record is not None and self._store is not None and known == (content, self._labels):
            count = self._store.count_of(file.origin)
            now = replace(now, refusal=record.refusal)
            yield replace(plain, unchanged=count, refusal=record.refusal, record=now)
            return
        old = None if record is not None else self._moved_from(file, content)
        if old is not None and old.labels == self._labels:
            yield from self._move(old, file, replace(plain, record=now))
            return
        try:
            yield from self._read(file, now, plain, "" if old is None else old.path)
        except StorageError:
            raise
        except CirError as error:  # not recorded: the engine may be installed tomorrow
            self.unrecorded.add(file.origin)
            yield replace(plain, refusal=str(error))

    def _read(
        self, file: SoundFile, now: FileRecord, plain: Step, moved_from: str
    ) -> Iterator[Step]:
        """Yield the steps of a file that is new, has changed, or has moved and gets new labels."""
        place = moved_from or file.origin
        rows = (
            {}
            if self._store is None
            else {row.origin.part: row for row in self._store.rows_of(place)}
        )
        steps = [
            self._step(note, rows.pop(note.origin.part, None), plain)
            for note in self._reader.read(file, now.content)
        ]
        if not steps:
            raise InputError(f"{file.shown} holds no instrument.")
        gone = tuple(row.instrument.instrument_id for row in rows.values())
        yield from steps[:-1]
        now = replace(now, refusal=steps[-1].refusal)
        forgotten = (moved_from,) if moved_from else ()
        yield replace(steps[-1], record=now, removed=gone, forgotten=forgotten)

    def _step(self, note: OwnNote, old: Row | None, plain: Step) -> Step:
        self._refresh()  # describing a sound font takes long
        plain = replace(plain, shown=note.instrument.name)
        old = old or self._same_without_record(note)
        instrument = self._labelled(note.instrument, old)
        try:
            check_instrument(instrument)
        except CirError as error:
            return replace(plain, refusal=_named(note, error))
        row = Row(instrument, _NO_VECTOR, note.origin)
        if old is None:
            twin = None if self._store is None else self._store.made_of(note.origin.made_of)
            if twin is None or twin.origin.has_original > note.origin.has_original:
                return replace(plain, row=row, task=note.task)  # there is no preview to borrow
            row = replace(row, vector=twin.vector)
            return replace(plain, row=row, borrows=twin.instrument.instrument_id)
        row = replace(row, origin=replace(note.origin, is_edited=old.origin.is_edited))
        if old.origin.made_of != note.origin.made_of:
            return replace(plain, row=row, task=note.task, replaces=True)
        if (old.instrument, old.origin) == (instrument, row.origin):
            return replace(plain, unchanged=1)
        row = replace(row, vector=old.vector, place=old.place)
        if old.instrument == instrument:  # its file was not known yet
            return replace(plain, row=row, borrows=instrument.instrument_id, unchanged=1)
        return replace(plain, row=row, borrows=instrument.instrument_id, replaces=True)

    def _labelled(self, new: Instrument, old: Row | None) -> Instrument:
        """Return an instrument with its final id; what a person edited stays."""
        if old is None:
            return replace(new, instrument_id=self._free_id(new.instrument_id))
        self._taken.add(old.instrument.instrument_id)
        kept = replace(new, instrument_id=old.instrument.instrument_id)
        if not old.origin.is_edited or self._reader.family is not None:
            return kept
        return replace(kept, name=old.instrument.name, family=old.instrument.family)

    def _free_id(self, wanted: str) -> str:
        free, number = wanted, 1
        while free in self._taken or (self._store is not None and self._store.has(free)):
            number += 1
            free = f"{wanted}-{number}"
        self._taken.add(free)
        return free

    def _same_without_record(self, note: OwnNote) -> Row | None:
        """Return the row of the same file in a database that came without records of files."""
        row = None if self._store is None else self._store.row(note.instrument.instrument_id)
        if row is None or row.origin.file or row.instrument.engine != note.instrument.engine:
            return None
        return row

    def _moved_from(self, file: SoundFile, content: str) -> FileRecord | None:
        """Return the record of a file of this content that is not where it was any more."""
        if self._store is None or not file.is_local:
            return None
        for record in self._store.files_with(content):
            if record.path not in self.seen and not record.refusal and is_gone(record.path):
                return record
        return None

    def _move(self, old: FileRecord, file: SoundFile, plain: Step) -> Iterator[Step]:
        """Yield the steps of a file whose rows stay, but for the place of their file."""
        assert self._store is not None and plain.record is not None  # noqa: S101
        rows = self._store.rows_of(old.path)
        for row in rows:
            engine = row.instrument.engine.replace(old.path, file.origin)
            moved = replace(
                row,
                instrument=replace(row.instrument, engine=engine),
                origin=replace(row.origin, file=file.origin),
            )
            self._taken.add(row.instrument.instrument_id)
            name = row.instrument.instrument_id
            yield replace(plain, row=moved, borrows=name, moved=1, record=None)
        yield replace(plain, forgotten=(old.path,))

    def _refresh(self) -> None:
        """Follow another process that has compacted the store; its old vectors are gone."""
        if self._store is not None:
            self._store.refresh()

    def _record(self, file: SoundFile) -> FileRecord | None:
        return None if self._store is None else self._store.file(file.origin)

    def _has_status(self, record: FileRecord, file: SoundFile) -> bool:
        known = (record.size, record.mtime_ns, record.labels)
        return file.is_local and known == (file.size, file.mtime_ns, self._labels)


def is_gone(path: str) -> bool:
    """Return whether the file of a record is on this machine and not where it was."""
    if not os.path.isabs(path):
        return False  # it was uploaded
    places = (path, path.partition("!")[0], path.rpartition("#")[0])
    return not any(place and _may_exist(place) for place in places)


def _may_exist(path: str) -> bool:
    """Return whether there is a file, or a folder above it cannot be read."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _named(note: OwnNote, error: CirError) -> str:
    name = note.instrument.name
    return str(InputError(str(error) if name in str(error) else f"{name}: {error}"))
