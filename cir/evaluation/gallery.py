"""The gallery: instruments of one or more datasets, each known by its reference notes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.datasets.work_ahead import work_ahead
from cir.errors import DataError, InputError
from cir.instruments.splits import SPLITS
from cir.metrics import IntArray
from cir.mixtures.pool import NotePool
from cir.mixtures.pool_notes import unique_names
from cir.types import Progress

_Decoded = TypeVar("_Decoded")

ALL_SPLITS = "all"

_SPLIT = "test"
"""Split under which `_OneSplit` lists its instruments, whatever their own."""


@dataclass(frozen=True)
class Entry:
    """A candidate."""

    instrument_id: str
    """Unique; the source is put in front if two datasets share an id."""
    family: str | None
    source: str
    """Name of the dataset."""
    split: str


class Gallery:
    """The instruments of all splits of some datasets, without their effects-off twins.

    Attributes:
        entries: Candidates by dataset, and by split within each.
        sources: Names of the datasets; equal names are numbered.
    """

    def __init__(self, datasets: Sequence[NoteDataset], *, n_references: int = 1) -> None:
        """List the instruments; nothing is decoded yet.

        Args:
            datasets: Datasets of the instruments.
            n_references: Number of reference notes of an instrument, at least 1. If more than 1,
                mixtures do not play these notes.

        Raises:
            DataError: The datasets have no instrument.
            InputError: `n_references` is less than 1.
        """
        if n_references < 1:
            raise InputError(f"An instrument is known by at least 1 note, not by {n_references}.")
        self.n_references = n_references
        self.sources = tuple(unique_names([dataset.name for dataset in datasets]))
        listed = [
            (dataset, source, row)
            for dataset, source in zip(datasets, self.sources, strict=True)
            for split in SPLITS
            for row in dataset.instruments(split)
            if row.effects_on
        ]
        if not listed:
            names = ", ".join(self.sources) or "no dataset"
            raise DataError(f"There is no instrument in {names}; name data that has some.")
        owners = Counter(row.instrument_id for _, _, row in listed)
        self.entries = tuple(
            Entry(
                f"{source}-{row.instrument_id}"
                if owners[row.instrument_id] > 1
                else row.instrument_id,
                row.family,
                source,
                row.split,
            )
            for _, source, row in listed
        )
        self._origins = [(dataset, row) for dataset, _, row in listed]
        self._rows = {entry.instrument_id: row for row, entry in enumerate(self.entries)}

    def __len__(self) -> int:
        return len(self.entries)

    def row(self, instrument_id: str) -> int:
        """Return the row of an instrument.

        Raises:
            DataError: There is no such instrument.
        """
        try:
            return self._rows[instrument_id]
        except KeyError:
            raise DataError(
                f"No instrument {instrument_id!r} among the {len(self)} of "
                f"{', '.join(self.sources)}."
            ) from None

    def of_family(self, family: str) -> IntArray:
        """Return the rows of a family's instruments of all splits.

        Raises:
            DataError: The family has no instrument.
        """
        rows = [row for row, entry in enumerate(self.entries) if entry.family == family]
        if not rows:
            present = sorted({entry.family for entry in self.entries if entry.family is not None})
            raise DataError(
                f"{', '.join(self.sources)}: no instrument of the family {family!r}; there is "
                f"{', '.join(present)}."
            )
        return np.array(rows, dtype=np.int64)

    def of_split(self, split: str) -> IntArray:
        """Return the rows of the instruments of a split, or of `all`.

        Raises:
            InputError: There is no such split.
            DataError: The split is empty.
        """
        check_gallery_split(split)
        rows = [row for row, entry in enumerate(self.entries) if split in (entry.split, ALL_SPLITS)]
        if not rows:
            raise DataError(
                f"No instrument of the {split} split in {', '.join(self.sources)}; try "
                f"{ALL_SPLITS}."
            )
        return np.array(rows, dtype=np.int64)

    def families_of(self, split: str) -> list[str]:
        """Return the families of the instruments of a split, sorted; errors as of `of_split`."""
        entries = (self.entries[row] for row in self.of_split(split))
        return sorted({entry.family for entry in entries if entry.family})

    def reference(self, row: int) -> RecordedNote | None:
        """Decode the reference note; None if all notes are silent."""
        dataset, instrument = self._origins[row]
        return dataset.reference(instrument)

    def references(
        self, rows: Sequence[int] | IntArray, progress: Progress | None = None
    ) -> Iterator[tuple[int, RecordedNote]]:
        """Decode reference notes on all cores, with their rows; silent instruments are skipped."""
        found = self._decode(rows, self.reference, "Reference notes", progress)
        return ((row, note) for row, note in found if note is not None)

    def known_by(
        self, rows: Sequence[int] | IntArray, progress: Progress | None = None
    ) -> Iterator[tuple[int, list[RecordedNote]]]:
        """Decode the first `n_references` notes of each row; silent instruments are skipped."""
        if self.n_references == 1:
            return ((row, [note]) for row, note in self.references(rows, progress))
        found = self._decode(rows, self.notes, "Reference notes", progress)
        return ((row, notes[: self.n_references]) for row, notes in found if notes)

    def all_notes(
        self, rows: Sequence[int] | IntArray, progress: Progress | None = None
    ) -> Iterator[tuple[int, list[RecordedNote]]]:
        """Decode all notes of each row on all cores; silent instruments have none."""
        return self._decode(rows, self.notes, "Notes of instruments", progress)

    def _decode(
        self,
        rows: Sequence[int] | IntArray,
        decode: Callable[[int], _Decoded],
        words: str,
        progress: Progress | None,
    ) -> Iterator[tuple[int, _Decoded]]:
        numbers = [int(row) for row in rows]
        for done, (row, found) in enumerate(
            zip(numbers, work_ahead(decode, numbers), strict=True), start=1
        ):
            yield row, found
            if progress is not None:
                progress(done / len(numbers), f"{words}, {done} of {len(numbers)}")

    def played(self, notes: list[RecordedNote]) -> list[RecordedNote]:
        """Return the notes that mixtures may play: those after the references, or the last one."""
        return notes if self.n_references == 1 else notes[self.n_references :] or notes[-1:]

    def notes(self, row: int) -> list[RecordedNote]:
        """Decode all notes of an instrument, its reference note first; silent notes are skipped."""
        dataset, instrument = self._origins[row]
        return dataset.notes(instrument)

    def pool(
        self, split: str, families: Sequence[str] | None, progress: Progress | None = None
    ) -> NotePool:
        """Decode the notes of a split, or of `all`, under the ids of `entries`.

        Raises:
            InputError: There is no such split.
            DataError: The split has no instrument of these families.
        """
        check_gallery_split(split)
        datasets = [_OneSplit(self, source, split) for source in self.sources]
        return NotePool.from_datasets(datasets, split=_SPLIT, families=families, progress=progress)


class _OneSplit:
    """The gallery's instruments of one source and one split (or all), as a `NoteDataset`."""

    def __init__(self, gallery: Gallery, source: str, split: str) -> None:
        self.name = self.fingerprint = source
        self._played = gallery.played
        self._listed = {
            DatasetInstrument(entry.instrument_id, entry.family, _SPLIT): gallery._origins[row]
            for row, entry in enumerate(gallery.entries)
            if entry.source == source and split in (entry.split, ALL_SPLITS)
        }

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        return [row for row in self._listed if row.split == split]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        dataset, origin = self._listed[instrument]
        return self._played(dataset.notes(origin))

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        return next(iter(self.notes(instrument)), None)


def check_gallery_split(split: str) -> None:
    """Check the name of a split.

    Raises:
        InputError: It is neither a split nor `all`.
    """
    allowed = (*SPLITS, ALL_SPLITS)
    if split not in allowed:
        raise InputError(f"There is no split {split!r}; splits are {', '.join(allowed)}.")
