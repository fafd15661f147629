"""Limits of sounds, in rate, length and level, and the errors for sounds beyond them."""

from functools import lru_cache
from numbers import Integral

import numpy as np
from numpy.fft import rfft, rfftfreq
from numpy.typing import NDArray

from cir.errors import InputError
from cir.types import FloatArray

MAX_SECONDS = 1200.0
"""Default limit of the length of a sound."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 384_000

MAX_SAMPLES = 1_000_000_000
"""Limit of the samples of all channels of a file: 10 minutes of eight channels at 192 kHz."""

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


def check_sample_rate(sample_rate: int) -> int:
    """Check a sample rate in Hz and return it as an int.

    Raises:
        InputError: It is not a whole number from 1 000 to 384 000.
    """
    whole = isinstance(sample_rate, Integral) and not isinstance(sample_rate, bool)
    if not whole or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise InputError(
            f"The sample rate must be a whole number of hertz from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE}, not {sample_rate!r}."
        )
    return int(sample_rate)


def silent(what: str) -> InputError:
    """Return the error for a silent sound."""
    return InputError(
        f"{what} is silent (nothing in it that can be heard reaches -80 dB); give a sound that can "
        "be heard."
    )


def too_long(what: str, seconds: float, max_seconds: float) -> InputError:
    """Return the error for a sound of at least `seconds`."""
    length = f"{_minutes(seconds)} long" if seconds > 1.01 * max_seconds else "too long"
    return InputError(
        f"{what} is {length}; at most {_minutes(max_seconds)} are allowed: "
        "cut out the passage of interest."
    )


def too_many_samples(what: str) -> InputError:
    """Return the error for a sound of more than `MAX_SAMPLES`."""
    return InputError(
        f"{what} holds more than {MAX_SAMPLES:,} samples in all its channels; convert it to stereo "
        "at 48 kHz or less, or cut out the passage of interest."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} seconds"


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
    window = _kaiser(length)
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


@lru_cache(maxsize=16)
def _kaiser(length: int) -> NDArray[np.float64]:
    """Return Kaiser's window of unit energy, (length,), read-only."""
    window = np.kaiser(length, _KAISER_BETA)
    window /= np.sqrt(np.square(window).sum())
    window.flags.writeable = False
    return window
