"""Conversion of sounds to the form in which datasets keep notes, and what is no such sound."""

import math
from dataclasses import replace

import numpy as np

from cir.audio.dsp import TAIL_FLOOR, peak_normalise, trim_tail
from cir.audio.limits import SILENT_NOTE_PEAK
from cir.datasets.base import RecordedNote
from cir.types import SAMPLE_RATE, FloatArray, Note

MAX_SECONDS = 3.0
"""Longer notes are cut: a reference note is held 2 s and rings on for at most one more."""

PEAK = 0.9
_FADE_SAMPLES = SAMPLE_RATE * 20 // 1000

_LOWEST_CREST = 1.35
"""Peak over root mean square: 1 for a square wave, 1.41 for a sine, about 1 for clipped noise."""
_MOST_DC = 0.3
"""Mean over root mean square."""
_FLAT = 0.3


def record(pitch: int, audio: FloatArray, played: Note | None = None) -> RecordedNote | None:
    """Cut a note after its decay or at `MAX_SECONDS`, and bring it to a peak of 0.9.

    Args:
        pitch: MIDI note number.
        audio: Mono at 16 kHz, at the instrument's own level, (T,).
        played: The key that was pressed, where that is known.

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
    note = RecordedNote(pitch, peak_normalise(kept, PEAK), 20.0 * math.log10(PEAK / faded_peak))
    if played is None:
        return note
    return replace(note, velocity=played.velocity, held_seconds=played.duration_seconds)


def is_broken(audio: FloatArray) -> bool:
    """Return whether a sound is constant, or noise driven into clipping."""
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    mean = float(np.mean(audio, dtype=np.float64))
    if power == 0.0 or mean**2 > _MOST_DC**2 * power:
        return True
    crest = float(np.max(np.abs(audio))) / power**0.5
    return crest < _LOWEST_CREST and _flatness(audio) > _FLAT


def _flatness(audio: FloatArray) -> float:
    """Return geometric over arithmetic mean of the power spectrum: 0 for a tone, at most 1."""
    spectrum = np.abs(np.fft.rfft(audio)) ** 2 + 1e-12
    return float(np.exp(np.mean(np.log(spectrum))) / np.mean(spectrum))
