"""A dataset in memory whose notes have partials, hiss and an end: fit to be mixed and analysed."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.instruments.splits import check_split
from cir.types import SAMPLE_RATE, FloatArray

FAMILIES = ("percussion", "bass", "synth_lead")
LOWEST_PITCH = {"percussion": 60, "bass": 36, "synth_lead": 64}
NUMBERS = {"train": (0, 1, 2, 3), "valid": (4,), "test": (5,)}
NOTES = 5


class VoicesDataset:
    """Four training instruments a family, the first with a twin; one in each of the others."""

    def __init__(self, name: str = "voices", families: Sequence[str] = FAMILIES) -> None:
        self.name = name
        self.fingerprint = name
        self._families = families

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        check_split(split)
        return [
            DatasetInstrument(f"{family}-{number}", family, split, effects_on)
            for family in self._families
            for number in NUMBERS[split]
            for effects_on in ((True, False) if number == 0 else (True,))
        ]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        family, number = instrument.instrument_id.rsplit("-", 1)
        return [
            RecordedNote(
                LOWEST_PITCH[family] + 3 * index,
                _sound(family, int(number), index, instrument.effects_on),
                1.5 * (index + int(number)) % 6,
            )
            for index in range(NOTES + int(number) % 2)
        ]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        return self.notes(instrument)[0]


@cache
def _sound(family: str, number: int, index: int, bright: bool) -> FloatArray:
    generator = np.random.default_rng([len(family), number, index])
    seconds = 0.4 + 0.6 * index if family != "percussion" else 0.35
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440 * 2 ** ((LOWEST_PITCH[family] + 3 * index - 69) / 12)
    partials = np.arange(1, int(6_500 / hertz) + 1)
    heights = partials ** -(0.6 + 0.4 * number + 0.3 * bright) * (1 + (partials % 2) * number / 2)
    phases = generator.uniform(0, 2 * np.pi, len(partials))
    tone = heights @ np.sin(2 * np.pi * hertz * np.outer(partials, time) + phases[:, None])
    hiss = generator.standard_normal(len(time)) * (0.5 if family == "percussion" else 0.01)
    decay = (9.0 if family == "percussion" else 1.0) + number
    ends = np.minimum(1, np.minimum(time / 0.004, (time[-1] - time) / 0.02))
    sound = (tone + hiss) * np.exp(-decay * time) * ends
    sound = np.asarray(0.9 * sound / np.abs(sound).max(), np.float32)
    sound.setflags(write=False)
    return sound
