"""Embeds sounds in batches, and writes them with the records of their files, all or nothing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cir.errors import CirError, InputError, StorageError
from cir.files import replacing, writing
from cir.index.bundle import PHRASES_NAME, PREVIEWS_NAME, is_bundle, locked
from cir.index.changes import remove_sounds, tidy, with_places
from cir.index.database import InstrumentDatabase
from cir.index.descriptors import forget_descriptors
from cir.index.migration import open_to_write
from cir.index.references import average_notes
from cir.index.row_store import FileRecord, Row, RowStore
from cir.library.find_files import Limits
from cir.library.planning import Step
from cir.library.sandboxed_engines import Crashed
from cir.library.sound_tasks import Sounds
from cir.library.workers import Outcome
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Instrument

_COMMIT_ROWS = 512
_COMMIT_SECONDS = 20.0
"""A kill loses at most the work of this time, or of `_COMMIT_ROWS` sounds."""

_BATCH_NOTES = 256


@dataclass
class Account:
    """What became of all sounds."""

    added: list[Instrument] = field(default_factory=list)
    """New instruments, and those that replace others of the same id."""
    replaced: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    missing: int = 0
    """Instruments that stay although their files have gone."""
    refused: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Finished:
    """A step that waits to be embedded and written."""

    step: Step
    row: Row | None = None
    sounds: Sounds | None = None
    record: FileRecord | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether its sounds are to be embedded."""
        return self.row is not None and not self.row.vector.size


class Writer:
    """Writes the steps of one run to a database.

    Args:
        folder: Of the database; made with the first row.
        encoder: Embeds the sounds.
        limits: Limits on the size of the database.
    """

    def __init__(self, folder: Path, encoder: Encoder, limits: Limits) -> None:
        self.account = Account()
        self.store: RowStore | None = None
        self.unrecorded: set[str] = set()
        """Origins of files that were refused without a record, so that they are read again."""
        self._folder = folder
        self._encoder = encoder
        self._limits = limits
        self._finished: list[_Finished] = []
        self._n_notes = 0
        self._committed_at = time.monotonic()
        self._n_new = 0
        if is_bundle(folder):
            with writing(folder), locked(folder):
                self.store = open_to_write(folder)
        self._n_stored = 0 if self.store is None else len(self.store)

    def take(self, step: Step, outcome: Outcome) -> None:
        """Take the next step; reasons of refusal go to the account."""
        account = self.account
        account.unchanged += step.unchanged
        account.moved += step.moved
        if step.refusal:
            account.refused.append(step.refusal)
        elif step.row is not None and not (step.replaces or step.moved or step.unchanged):
            self._n_new += 1
            if self._n_stored + self._n_new > self._limits.total:
                self._n_new -= 1
                self.unrecorded.add(step.row.origin.file)
                account.refused.append(
                    f"{step.row.instrument.name}: there are {self._limits.total:,} sounds already, "
                    "the most that are allowed; remove some first."
                )
                step = replace(step, row=None, task=None, record=None)
        try:
            sounds = outcome() if step.task is not None else None
        except StorageError:
            raise
        except CirError as error:
            is_certain = not isinstance(error, Crashed)
            self._finished.append(self._refused(step, error, is_certain=is_certain))
        else:
            row = step.row
            if sounds is not None and row is not None:
                account.notices += [sounds.notice] if sounds.notice else []
                self._n_notes += len(sounds.notes)
                if sounds.vector is not None:
                    row = replace(row, vector=sounds.vector)
            self._finished.append(_Finished(step, row, sounds, step.record))
        if self._n_notes >= _BATCH_NOTES:
            self._embed()
        late = time.monotonic() - self._committed_at > _COMMIT_SECONDS
        if len(self._finished) >= _COMMIT_ROWS or late:
            self.commit()

    def commit(self) -> None:
        """Write all steps taken so far."""
        self._embed()
        self._committed_at = time.monotonic()
        finished, self._finished = self._finished, []
        rows = [one for one in finished if one.row is not None]
        records = [one.record for one in finished if one.record is not None]
        if self.store is None:
            if not rows:
                return
            InstrumentDatabase.create(self._folder, self._encoder, may_exist=True)
            with locked(self._folder):
                self.store = open_to_write(self._folder)
        removed = [name for one in finished for name in one.step.removed]
        forgotten = [path for one in finished for path in one.step.forgotten]
        if not (rows or records or removed or forgotten):
            return
        with writing(self._folder), locked(self._folder):
            self.store.refresh()
            for one in rows:
                self._write_sounds(one)
            new = [one.row for one in rows if one.row is not None]
            self.store.commit(
                with_places(self.store, new),
                removed=removed,
                files=records,
                forgotten=forgotten,
            )
            changed = [one.instrument.instrument_id for one in new]
            forget_descriptors(self._folder, [*removed, *changed])
            remove_sounds(self._folder, removed)
        for one in rows:
            if one.row is not None and not (one.step.moved or one.step.unchanged):
                self.account.added.append(one.row.instrument)
                self.account.replaced += one.step.replaces
        self.account.removed += len(removed)
        self._n_stored = len(self.store)
        self._n_new = 0

    def remove(self, instrument_ids: Sequence[str], paths: Sequence[str]) -> None:
        """Remove rows, with their sounds, and the records of files."""
        assert self.store is not None  # noqa: S101 - they are in it
        with writing(self._folder), locked(self._folder):
            self.store.refresh()
            forget_descriptors(self._folder, instrument_ids)
            self.store.commit(removed=instrument_ids, forgotten=paths)
            remove_sounds(self._folder, instrument_ids)
        self.account.removed += len(instrument_ids)

    def remember(self, records: Sequence[FileRecord], forgotten: Sequence[str]) -> None:
        """Write the records of archives that were read to their end, and forget those of others."""
        if self.store is not None and (records or forgotten):
            with writing(self._folder), locked(self._folder):
                self.store.refresh()
                self.store.commit(files=records, forgotten=forgotten)

    def close(self) -> None:
        """Compact the database if that is due, and close it."""
        if self.store is not None:
            with writing(self._folder), locked(self._folder):
                self.store.refresh()
                tidy(self.store)
            self.store.close()

    def _embed(self) -> None:
        """Embed all sounds that wait for it, at their places."""
        self._n_notes = 0
        waiting = [place for place, one in enumerate(self._finished) if one.is_waiting]
        sounds = [made for place in waiting if (made := self._finished[place].sounds) is not None]
        if not sounds:
            return
        try:
            vectors: list[FloatArray | CirError] = list(self._vectors(sounds))
        except CirError:  # find out which one cannot be embedded
            vectors = [self._vector_alone(one) for one in sounds]
        for place, vector in zip(waiting, vectors, strict=True):
            one = self._finished[place]
            if isinstance(vector, CirError):
                self._finished[place] = self._refused(one.step, vector)
            elif not np.isfinite(vector).all():
                error = InputError("its embedding is not finite")
                self._finished[place] = self._refused(one.step, error)
            elif one.row is not None:
                self._finished[place] = replace(one, row=replace(one.row, vector=vector))

    def _vectors(self, sounds: Sequence[Sounds]) -> FloatArray:
        notes = [note for one in sounds for note in one.notes]
        return average_notes(
            self._encoder.embed(notes, SAMPLE_RATE), [len(one.notes) for one in sounds]
        )

    def _vector_alone(self, sounds: Sounds) -> FloatArray | CirError:
        try:
            vector: FloatArray = self._vectors([sounds])[0]
        except CirError as error:
            return error
        return vector

    def _refused(self, step: Step, error: CirError, *, is_certain: bool = True) -> _Finished:
        """Leave a sound out; what is certain is remembered with its file."""
        name = "" if step.row is None else step.row.instrument.name
        said = str(error) if name in str(error) else f"{name}: {error}"
        self.account.refused.append(said)
        self._n_new -= not step.replaces
        record = step.record
        step = replace(step, forgotten=())  # the row of a moved file stays where it was
        if record is not None and step.task is not None:
            is_recording = not step.task.engine
            if not (is_recording and is_certain):
                self.unrecorded.add(record.path)
                return _Finished(step)
            record = replace(record, refusal=said)
        return _Finished(step, record=record)

    def _write_sounds(self, one: _Finished) -> None:
        """Write the preview and phrase of a row, or remove those of what it replaces."""
        assert one.row is not None  # noqa: S101 - the caller has looked
        name, twin = one.row.instrument.instrument_id, one.step.borrows
        if twin == name:
            return
        for kind, sound in (
            (PREVIEWS_NAME, one.sounds.preview if one.sounds else b""),
            (PHRASES_NAME, one.sounds.phrase if one.sounds else b""),
        ):
            target = self._folder / kind / f"{name}.opus"
            if twin and (source := self._folder / kind / f"{twin}.opus").is_file():
                sound = source.read_bytes()
            if sound:
                with replacing(target) as temporary:
                    temporary.write_bytes(sound)
            elif one.step.replaces:
                target.unlink(missing_ok=True)
