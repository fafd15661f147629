"""Detection of silence."""

import numpy as np
from scipy.fft import rfft, rfftfreq

from cir.types import FloatArray

SILENT_PEAK = 1e-4
"""The silence threshold, -80 dB re full scale: 16-bit dither stays below it."""

SILENT_NOTE_PEAK = 1e-3
"""The silence threshold of rendered and recorded notes, -60 dB: quieter ones show no timbre."""

_SILENT_RMS = 10 ** (-90 / 20)
"""Silence threshold of half a second; a sine of peak `SILENT_PEAK` is 7 dB louder."""
_LOWEST_HZ = 20.0
_WINDOW_SECONDS = 0.5
_KAISER_BETA = 14.0
"""A tone of 10 Hz leaks less than -100 dB into what lies above 20 Hz."""
_CLICK = 1e-3
"""No tone below 20 Hz bends as sharply as this from one sample to the next."""


def is_audible(audio: FloatArray, sample_rate: int) -> bool:
    """Return whether a sound holds more than silence, an offset or infrasound (below 20 Hz).

    Args:
        audio: (T,), finite, T > 0.
        sample_rate: In Hz.
    """
    offset = audio.mean(dtype=np.float64)
    length = min(audio.size, round(_WINDOW_SECONDS * sample_rate))
    if length * _LOWEST_HZ < sample_rate:  # less than one cycle: frequencies cannot be told apart
        return float(np.abs(audio - offset).max()) >= SILENT_PEAK
    window = np.kaiser(length, _KAISER_BETA)
    window /= np.sqrt(np.square(window).sum())
    heard = rfftfreq(length, 1 / sample_rate) >= _LOWEST_HZ
    for start in (*range(0, audio.size - length, length // 2), audio.size - length):
        part = audio[start : start + length] - offset
        if np.abs(part).max() < SILENT_PEAK:
            continue
        if np.abs(np.diff(part, 2)).max() >= _CLICK:
            return True
        power = 2 * np.square(np.abs(rfft(part * window)[heard])).sum() / length
        if power >= _SILENT_RMS**2:
            return True
    return False
