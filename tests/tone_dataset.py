"""A dataset in memory: decaying tones in all thirteen families, made when they are asked for."""

from collections.abc import Sequence

import numpy as np

from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.instruments.families import FAMILIES
from cir.instruments.splits import check_split
from cir.types import SAMPLE_RATE, FloatArray

NOTES = 8


class ToneDataset:
    """Two training instruments a family, each with a twin; one in each of the other splits."""

    def __init__(self, name: str = "tones", families: Sequence[str] = FAMILIES) -> None:
        self.name = name
        self.fingerprint = name
        self._families = families

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        check_split(split)
        train = split == "train"
        return [
            DatasetInstrument(f"{family.replace('_', '-')}-{number}", family, split, effects_on)
            for family in self._families
            for number in (range(2) if train else ({"valid": 2, "test": 3}[split],))
            for effects_on in ((True, False) if train else (True,))
        ]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        family, number = instrument.instrument_id.rsplit("-", 1)
        decay = 2.0 + int(number) + FAMILIES.index(family.replace("-", "_")) / 4
        return [
            RecordedNote(
                pitch, _tone(pitch, decay, instrument.effects_on, 0.3 + 0.15 * index), gain
            )
            for index, (pitch, gain) in enumerate(
                zip(range(48, 48 + 3 * NOTES, 3), np.linspace(0, 9, NOTES).tolist(), strict=True)
            )
        ]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        return next(iter(self.notes(instrument)), None)


def _tone(pitch: int, decay: float, bright: bool, seconds: float) -> FloatArray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time
    sound = (np.sin(phase) + bright * 0.5 * np.sin(2 * phase)) * np.exp(-decay * time)
    return np.asarray(0.9 * sound / np.abs(sound).max(), np.float32)
