"""Mixes of the quiz: a phrase of each instrument, or its preview in a rhythm."""

from collections.abc import Sequence

import numpy as np

from cir.audio.dsp import fade_out, pad_or_trim, peak_normalise
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray, Instrument
from cir.ui.learn.sounds import note_audio
from cir.ui.service import PageService

MIX_SECONDS = 8.0
SOLO_DB = 3.0
"""Level of the first instrument above each of the others."""

_BEAT_SECONDS = 0.5
_RHYTHMS: dict[str, tuple[float, ...]] = {
    "percussion": (0, 1, 2, 3, 3.5),
    "bass": (0, 1.5, 3),
    "guitar": (0, 1, 1.5, 2.5, 3),
    "piano": (0, 1, 2, 3),
    "synth_lead": (0, 0.75, 1.5, 2.5),
}
"""Beats of a 4/4 bar at which a note starts, by family; other families hold one note per bar."""
_HELD = (0.0,)
_FADE_SAMPLES = SAMPLE_RATE * 20 // 1000
_FRAME_SAMPLES = SAMPLE_RATE * 50 // 1000


def play_together(service: PageService, instruments: Sequence[Instrument]) -> FloatArray:
    """Mix instruments, mono at 16 kHz, (T,), peak 0.99.

    All have the same level while they sound, except the first, which is `SOLO_DB` louder.

    Raises:
        InputError: One has neither phrase nor preview.
    """
    mix = np.zeros(round(MIX_SECONDS * SAMPLE_RATE), np.float32)
    for number, instrument in enumerate(instruments):
        part = _part(service, instrument)
        gain = 10 ** ((SOLO_DB if number == 0 else 0.0) / 20) / max(_loudness(part), 1e-6)
        mix += part * np.float32(gain)
    return peak_normalise(mix)


def _part(service: PageService, instrument: Instrument) -> FloatArray:
    """Return the part of one instrument, (T,)."""
    samples = round(MIX_SECONDS * SAMPLE_RATE)
    phrase = service.phrase(instrument.instrument_id)
    if phrase is not None:
        once = fade_out(note_audio(phrase), _FADE_SAMPLES)
        return pad_or_trim(np.tile(once, -(-samples // len(once))), samples)
    preview = service.preview(instrument.instrument_id)
    if preview is None:
        raise InputError(f"{instrument.name} has no preview; choose another instrument.")
    return _repeat(note_audio(preview), _RHYTHMS.get(instrument.family or "", _HELD), samples)


def _repeat(note: FloatArray, beats: Sequence[float], samples: int) -> FloatArray:
    """Repeat a note in a rhythm, bar after bar; each is cut where the next one starts."""
    bars = int(np.ceil(MIX_SECONDS / (4 * _BEAT_SECONDS)))
    starts = [
        round((4 * bar + beat) * _BEAT_SECONDS * SAMPLE_RATE)
        for bar in range(bars)
        for beat in beats
    ]
    part = np.zeros(samples, np.float32)
    for start, end in zip(starts, [*starts[1:], samples], strict=True):
        struck = fade_out(note[: max(0, end - start)], _FADE_SAMPLES)
        part[start : start + len(struck)] += struck
    return part


def _loudness(part: FloatArray) -> float:
    """Return the root mean square of the loudest fifth of frames of 50 ms."""
    frames = part[: len(part) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    levels = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1))
    return float(np.sort(levels)[-max(1, len(levels) // 5) :].mean())
