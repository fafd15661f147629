"""A note bank as a dataset: recorded notes with the splits of its tables."""

from collections.abc import Sequence
from pathlib import Path

from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.datasets.fingerprint import fingerprint
from cir.instruments.note_bank import NoteBank
from cir.instruments.splits import check_split


class NoteBankDataset:
    """The instruments of a note bank in the order and splits of its tables; a `NoteDataset`.

    Args:
        folder: Folder of the bank.
        twins: List the effects-off recordings as further instruments, each after its original.

    Raises:
        DataError: The folder is not a note bank, or its tables are damaged.
    """

    def __init__(self, folder: str | Path, *, twins: bool = True) -> None:
        self._bank = NoteBank.open(folder)
        self._twins = twins

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._bank.name

    @property
    def fingerprint(self) -> str:
        """See `NoteDataset`."""
        folder = self._bank.folder
        sounds = sorted((folder / "notes").glob("*.opus"))
        tables = [folder / "instruments.csv", folder / "notes.csv"]
        return fingerprint(self.name, [*tables, *sounds], twins=self._twins)

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """See `NoteDataset`."""
        check_split(split)
        return [
            DatasetInstrument(row.instrument_id, row.family, row.split, effects_on)
            for row in self._bank.instruments
            if row.split == split
            for effects_on in ((True, False) if self._twins and split == "train" else (True,))
            if self._bank.notes(row.instrument_id, effects_on=effects_on)
        ]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """See `NoteDataset`."""
        name, effects_on = instrument.instrument_id, instrument.effects_on
        rows = self._bank.notes(name, effects_on=effects_on)
        sounds = self._bank.audio(name, effects_on=effects_on)
        return [
            RecordedNote(row.pitch, sound, row.gain_db)
            for row, sound in zip(rows, sounds, strict=True)
        ]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """See `NoteDataset`."""
        if not instrument.effects_on:
            return next(iter(self.notes(instrument)), None)
        row = self._bank.notes(instrument.instrument_id)[0]
        return RecordedNote(row.pitch, self._bank.reference(instrument.instrument_id), row.gain_db)
