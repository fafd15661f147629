"""Conversion of sounds to the form in which datasets keep notes."""

import math

import numpy as np

from cir.audio.audible import SILENT_NOTE_PEAK
from cir.audio.dsp import TAIL_FLOOR, peak_normalise, trim_tail
from cir.datasets.base import RecordedNote
from cir.types import SAMPLE_RATE, FloatArray

MAX_SECONDS = 3.0
"""Longer notes are cut: a reference note is held 2 s and rings on for at most one more."""

PEAK = 0.9
_FADE_SAMPLES = SAMPLE_RATE * 20 // 1000


def record(pitch: int, audio: FloatArray) -> RecordedNote | None:
    """Cut a note after its decay or at `MAX_SECONDS`, and bring it to a peak of 0.9.

    Args:
        pitch: MIDI note number.
        audio: Mono at 16 kHz, at the instrument's own level, (T,).

    Returns:
        The note, or None if it is silent, a single click, or has NaN or infinite samples.
    """
    audio = audio[: round(MAX_SECONDS * SAMPLE_RATE)]
    peak = float(np.max(np.abs(audio), initial=0.0))
    if not math.isfinite(peak) or peak < SILENT_NOTE_PEAK:
        return None
    kept = trim_tail(audio, TAIL_FLOOR * peak, _FADE_SAMPLES)
    faded_peak = float(np.max(np.abs(kept)))  # a click shorter than the fade is faded, too
    if faded_peak == 0.0:
        return None
    return RecordedNote(pitch, peak_normalise(kept, PEAK), 20.0 * math.log10(PEAK / faded_peak))
