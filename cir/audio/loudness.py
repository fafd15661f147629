"""How loud a sound is to a listener: integrated loudness after ITU-R BS.1770-4."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from cir.types import FloatArray

SILENT_LUFS = -70.0
"""Where the absolute gate lies; a sound of which nothing passes it has this loudness."""

_BLOCK_SECONDS = 0.4
_HOP_SECONDS = 0.1
_RELATIVE_GATE_LU = -10.0
_OFFSET_LU = -0.691


def integrated_loudness(audio: FloatArray, sample_rate: int) -> float:
    """Measure the integrated loudness of a sound in LUFS, as a pair of speakers plays it.

    A mono sound comes from both speakers, so it counts as two equal channels; more than two are
    averaged to mono. Sounds shorter than one block of 400 ms are measured as a whole, where the
    standard knows no answer.

    Args:
        audio: (T,) or (T, channels), in [-1, 1].
        sample_rate: in Hz.
    """
    channels = np.asarray(audio, dtype=np.float64)
    if channels.ndim == 2 and channels.shape[1] != 2:
        channels = channels.mean(axis=1)
    if channels.ndim == 1:
        channels = np.repeat(channels[:, np.newaxis], 2, axis=1)
    if not len(channels):
        return SILENT_LUFS
    for numerator, denominator in _k_weighting(sample_rate):
        channels = lfilter(numerator, denominator, channels, axis=0)
    powers = _block_powers(np.square(channels).sum(axis=1), sample_rate)
    for gate in (lambda _: SILENT_LUFS, lambda kept: _lufs(kept.mean()) + _RELATIVE_GATE_LU):
        powers = powers[_lufs(powers) > gate(powers)]
        if not len(powers):
            return SILENT_LUFS
    return float(_lufs(powers.mean()))


def _block_powers(power: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Mean power of blocks that overlap by three quarters."""
    length = min(len(power), round(_BLOCK_SECONDS * sample_rate))
    starts = np.arange(0, len(power) - length + 1, round(_HOP_SECONDS * sample_rate))
    sums = np.concatenate([[0.0], np.cumsum(power)])
    return np.asarray((sums[starts + length] - sums[starts]) / length)


def _lufs(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(_OFFSET_LU + 10.0 * np.log10(np.maximum(power, 1e-30)))


@lru_cache
def _k_weighting(sample_rate: int) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """The two filters of the standard, a shelf and a high pass, for any sample rate.

    The standard tabulates them for 48 kHz only; these are the analogue prototypes behind that
    table, by the bilinear transform, and equal it at 48 kHz.
    """
    tangent = np.tan(np.pi * 1681.974450955533 / sample_rate)
    quality, high = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    middle = high**0.4996667741545416
    scale = 1.0 + tangent / quality + tangent**2
    shelf = (
        np.array(
            [
                high + middle * tangent / quality + tangent**2,
                2.0 * (tangent**2 - high),
                high - middle * tangent / quality + tangent**2,
            ]
        )
        / scale,
        np.array([1.0, 2.0 * (tangent**2 - 1.0) / scale, _last(tangent, quality) / scale]),
    )
    tangent = np.tan(np.pi * 38.13547087602444 / sample_rate)
    quality = 0.5003270373238773
    scale = 1.0 + tangent / quality + tangent**2
    high_pass = (
        np.array([1.0, -2.0, 1.0]),
        np.array([1.0, 2.0 * (tangent**2 - 1.0) / scale, _last(tangent, quality) / scale]),
    )
    return shelf, high_pass


def _last(tangent: float, quality: float) -> float:
    return float(1.0 - tangent / quality + tangent**2)
