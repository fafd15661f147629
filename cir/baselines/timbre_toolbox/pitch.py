"""Fundamental frequency of each frame, by normalised autocorrelation.

P. McLeod and G. Wyvill, "A smarter way to find pitch", ICMC 2005. Peeters 2011 takes SWIPE';
this one needs two FFTs for all frames of a note.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from cir.types import FloatArray

LOWEST_HZ = 25.0
#: The first peak that is nearly as high as the highest is the period, and no multiple of it.
NEARLY = 0.9
#: Lower peaks are rounding: of a click, or a constant.
_LOWEST_PEAK = np.float32(0.01)


def fundamental(frames: FloatArray, sample_rate: int) -> FloatArray:
    """Estimate the fundamental of each frame, periodic or not: noise gets some frequency.

    Args:
        frames: Without a window, (F, L), L more than twice the longest period.
        sample_rate: In Hz.

    Returns:
        In Hz, (F,); that of a frame that resembles itself nowhere is `LOWEST_HZ`.
    """
    similarity = normalised_autocorrelation(frames, int(sample_rate / LOWEST_HZ) + 2)
    before, here, after = similarity[:, :-2], similarity[:, 1:-1], similarity[:, 2:]
    is_peak = (here > before) & (here >= after) & (here > _LOWEST_PEAK)
    is_peak &= np.logical_or.accumulate(here < 0.0, axis=1)  # not the one at lag 0
    curvature = np.where(is_peak, before - 2.0 * here + after, np.float32(-1.0))
    offsets = 0.5 * (before - after) / curvature  # top of a parabola through the three
    heights = np.where(is_peak, here - 0.25 * (before - after) * offsets, np.float32(0.0))
    highest = heights.max(axis=1)
    column = (heights >= NEARLY * highest[:, None]).argmax(axis=1)
    rows = np.arange(len(frames))
    lags = 1.0 + column + offsets[rows, column]
    found = highest > 0.0
    fundamentals = np.where(found, sample_rate / np.where(found, lags, 1.0), LOWEST_HZ)
    return fundamentals.astype(np.float32)


def normalised_autocorrelation(frames: FloatArray, lags: int) -> FloatArray:
    """Similarity in [-1, 1] of each frame to itself, shifted by 0 to `lags` - 1 samples, (F, lags).

    Twice the products of what overlaps over its two energies: 1 for a whole number of periods.
    """
    length = frames.shape[1]
    size = next_fast_len(length + lags, real=True)
    spectra = rfft(frames, size, axis=1)
    power = np.square(spectra.real) + np.square(spectra.imag)
    products = irfft(power, size, axis=1)[:, :lags]
    energy = np.zeros((len(frames), length + 1))
    np.cumsum(np.square(frames, dtype=np.float64), axis=1, out=energy[:, 1:])
    shifts = np.arange(lags)
    energies = energy[:, length - shifts] + energy[:, -1:] - energy[:, shifts]
    floor = 1e-6 * energy[:, -1:] + 1e-20  # an overlap of next to nothing is rounding
    similarity = np.where(energies > floor, 2.0 * products / np.maximum(energies, floor), 0.0)
    return similarity.astype(np.float32)
