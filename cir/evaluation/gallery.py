"""Who is ranked: the instruments of one or more datasets, each known by its reference note."""

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
"""Where a `_OneSplit` lists its instruments, whatever split they are of."""


@dataclass(frozen=True)
class Entry:
    """One candidate."""

    instrument_id: str
    """Unique; the source stands in front where two datasets share an id."""
    family: str | None
    source: str
    """The dataset's name."""
    split: str


class Gallery:
    """The instruments of all splits of some datasets, without their effects-off twins.

    Attributes:
        entries: Dataset by dataset, train, valid and test in each.
        sources: Names of the datasets, the second of a name numbered.
    """

    def __init__(self, datasets: Sequence[NoteDataset], *, n_references: int = 1) -> None:
        """List the instruments; nothing is decoded yet.

        Args:
            datasets: Where they are.
            n_references: By how many of its notes an instrument is known, at least 1. Beyond 1,
                these notes are not played: neither mixtures nor single notes meet themselves.

        Raises:
            DataError: The datasets have no instrument.
            InputError: It is to be known by no note at all.
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
        """Where an instrument stands.

        Raises:
            DataError: There is none of that id.
        """
        try:
            return self._rows[instrument_id]
        except KeyError:
            raise DataError(
                f"No instrument {instrument_id!r} among the {len(self)} of "
                f"{', '.join(self.sources)}."
            ) from None

    def of_family(self, family: str) -> IntArray:
        """Rows of a family's instruments, whatever their split.

        Raises:
            DataError: There is none.
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
        """Rows of the instruments of a split, or of `all`.

        Raises:
            InputError: There is no such split.
            DataError: It is empty.
        """
        check_gallery_split(split)
        rows = [row for row, entry in enumerate(self.entries) if split in (entry.split, ALL_SPLITS)]
        if not rows:
            raise DataError(
                f"No instrument of the {split} split in {', '.join(self.sources)}; try "
                f"{ALL_SPLITS}."
            )
        return np.array(rows, dtype=np.int64)

    def reference(self, row: int) -> RecordedNote | None:
        """The reference note; None where nothing of the instrument sounds."""
        dataset, instrument = self._origins[row]
        return dataset.reference(instrument)

    def references(
        self, rows: Sequence[int] | IntArray, progress: Progress | None = None
    ) -> Iterator[tuple[int, RecordedNote]]:
        """Decode reference notes on all cores, each with its row; the silent are left out."""
        found = self._decode(rows, self.reference, "Reference notes", progress)
        return ((row, note) for row, note in found if note is not None)

    def known_by(
        self, rows: Sequence[int] | IntArray, progress: Progress | None = None
    ) -> Iterator[tuple[int, list[RecordedNote]]]:
        """Decode the first `n_references` notes of each row; the silent are left out."""
        if self.n_references == 1:
            return ((row, [note]) for row, note in self.references(rows, progress))
        found = self._decode(rows, self.notes, "Reference notes", progress)
        return ((row, notes[: self.n_references]) for row, notes in found if notes)

    def all_notes(
        self, rows: Sequence[int] | IntArray, progress: Progress | None = None
    ) -> Iterator[tuple[int, list[RecordedNote]]]:
        """Decode all notes of each row on all cores; the silent have none."""
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
        """Those of an instrument's notes that mixtures may play; its last where none is left."""
        return notes if self.n_references == 1 else notes[self.n_references :] or notes[-1:]

    def notes(self, row: int) -> list[RecordedNote]:
        """All notes of an instrument, its reference note first; empty where nothing sounds."""
        dataset, instrument = self._origins[row]
        return dataset.notes(instrument)

    def pool(
        self, split: str, families: Sequence[str] | None, progress: Progress | None = None
    ) -> NotePool:
        """Decode the notes of a split, or of `all`, under the ids of `entries`.

        Raises:
            InputError: There is no such split.
            DataError: It has no instrument of these families.
        """
        check_gallery_split(split)
        datasets = [_OneSplit(self, source, split) for source in self.sources]
        return NotePool.from_datasets(datasets, split=_SPLIT, families=families, progress=progress)


class _OneSplit:
    """The gallery's instruments of one source and one split (or all); a `NoteDataset`."""

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
    """Refuse what is neither a split nor `all`.

    Raises:
        InputError: It is not.
    """
    allowed = (*SPLITS, ALL_SPLITS)
    if split not in allowed:
        raise InputError(f"There is no split {split!r}; splits are {', '.join(allowed)}.")
