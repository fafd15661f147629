"""What every source of notes promises. All datasets are held to the same contract, by one test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cir.types import FloatArray


@dataclass(frozen=True)
class DatasetInstrument:
    """One instrument of a dataset, or its twin with the effects off."""

    instrument_id: str
    """Unique within the dataset; a twin has its original's id."""
    family: str | None
    """A slug of `cir.instruments.families.FAMILIES`, or None."""
    split: str
    """`train`, `valid` or `test`."""
    effects_on: bool = True
    """False for the twin: the same patch with its effects off, an instrument of its own that only
    the training split has."""


@dataclass(frozen=True)
class RecordedNote:
    """One note as it is kept: at a common peak, beside what it takes to undo that."""

    pitch: int
    """MIDI note number."""
    audio: FloatArray
    """Mono at 16 kHz, (T,), with a peak of about 0.9."""
    gain_db: float
    """What was added to bring the note to that peak."""


class NoteDataset(Protocol):
    """Instruments in three splits, and the notes of each."""

    @property
    def name(self) -> str:
        """A short slug: `surge`, `nsynth`, `fluidr3-gm`."""

    @property
    def fingerprint(self) -> str:
        """Equal texts mean equal notes: made of files, their contents, and parameters."""

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """The instruments of one split, always in the same order.

        Raises:
            InputError: `split` is none of `train`, `valid` and `test`.
        """

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """The instrument's notes, its reference note first; empty where nothing of it sounds.

        Several threads may call it at once.

        Raises:
            CirError: a file is missing or damaged, or the engine cannot play.
        """

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """The first of `notes`, sooner where it can be had alone; None where nothing sounds.

        Several threads may call it at once.

        Raises:
            CirError: as `notes`.
        """
