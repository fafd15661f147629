"""The contract of all sources of notes; `tests/test_datasets.py` checks it for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cir.types import FloatArray


@dataclass(frozen=True)
class DatasetInstrument:
    """One instrument of a dataset, or its effects-off twin."""

    instrument_id: str
    """Unique within the dataset, except that a twin has the id of its original."""
    family: str | None
    """A slug of `cir.instruments.families.FAMILIES`, or None."""
    split: str
    """`train`, `valid` or `test`."""
    effects_on: bool = True
    """False for the effects-off twin, which only the training split has."""


@dataclass(frozen=True)
class RecordedNote:
    """One note at a common peak, and the gain that brought it there."""

    pitch: int
    """MIDI note number."""
    audio: FloatArray
    """Mono at 16 kHz, (T,), with a peak of about 0.9."""
    gain_db: float
    """Gain that brought the note to that peak."""


class NoteDataset(Protocol):
    """Instruments in three splits, and the notes of each."""

    @property
    def name(self) -> str:
        """A short slug: `surge`, `nsynth`, `fluidr3-gm`."""

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints mean equal notes: a digest of files and parameters."""

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """Return the instruments of one split, always in the same order.

        Raises:
            InputError: `split` is not one of `train`, `valid` and `test`.
        """

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """Return the instrument's notes, its reference note first; empty if it is silent.

        Thread-safe.

        Raises:
            CirError: A file is missing or damaged, or the engine cannot play.
        """

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """Return the first of `notes`, without rendering the others if possible; None if silent.

        Thread-safe.

        Raises:
            CirError: See `notes`.
        """
