"""Descriptors of the harmonic partials of a note, frame by frame, (F,) each (Peeters 2011)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from cir.types import FloatArray

LOWEST_HZ = 25.0
#: The first peak that is nearly as high as the highest is the period, and no multiple of it.
NEARLY = 0.9
#: Lower peaks are rounding: of a click, or a constant.
_LOWEST_PEAK = np.float32(0.01)

PARTIALS = 20
"""As in Peeters 2011."""
#: A partial is sought this far around its multiple of the fundamental, but no further than a
#: quarter of the way to the next.
_REACH_HZ = 48.0
_REACH = 0.25

NAMES = (
    "tristimulus_1",
    "tristimulus_2",
    "tristimulus_3",
    "odd_to_even",
    "deviation",
    "inharmonicity",
    "noisiness",
)
#: Energies 40 dB below that of all partials are as good as none: ratios stay within +-40 dB.
_FAINT = np.float32(1e-4)
_TINY = np.float32(1e-20)


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


@dataclass(frozen=True)
class Partials:
    """Up to 20 partials of each frame, the fundamental first."""

    fundamentals: FloatArray
    """Fundamental in Hz, (F,)."""
    frequencies: FloatArray
    """Frequencies of the partials in Hz, (F, 20)."""
    amplitudes: FloatArray
    """Amplitudes of sines as high as the partials, (F, 20); 0 above the Nyquist frequency."""

    @property
    def multiples(self) -> FloatArray:
        """Frequencies of the partials of a perfectly harmonic sound in Hz, (F, 20)."""
        numbers = np.arange(1, PARTIALS + 1, dtype=np.float32)
        return np.asarray(self.fundamentals[:, None] * numbers)


def find_partials(magnitudes: FloatArray, fundamentals: FloatArray, bin_hz: float) -> Partials:
    """Take the highest point near each multiple of the fundamental, and refine it by a parabola.

    Args:
        magnitudes: Spectra in which a sine of amplitude A is a peak of height A, (F, K).
        fundamentals: In Hz, (F,).
        bin_hz: From one bin to the next.
    """
    last = magnitudes.shape[1] - 2
    expected = fundamentals[:, None] * (np.arange(1, PARTIALS + 1) / bin_hz)  # (F, 20), in bins
    reach = int(_REACH_HZ / bin_hz)
    offsets = np.arange(-reach, reach + 1)
    allowed = np.abs(offsets) <= np.maximum(fundamentals[:, None] * (_REACH / bin_hz), 1.0)
    columns = np.clip(np.rint(expected).astype(np.int64), 1, last)[:, :, None] + offsets
    columns = np.clip(columns, 1, last)  # (F, 20, 2 reach + 1)
    frames = np.arange(len(magnitudes))[:, None]
    near = np.where(allowed[:, None, :], magnitudes[frames[:, :, None], columns], -1.0)
    chosen = near.argmax(axis=2)[:, :, None]
    peaks = np.take_along_axis(columns, chosen, axis=2)[:, :, 0]
    shifts, amplitudes = _tops(magnitudes, frames, peaks)
    is_below = expected < last + 1
    return Partials(
        fundamentals=fundamentals,
        frequencies=_as_float32(np.where(is_below, peaks + shifts, expected) * bin_hz),
        amplitudes=_as_float32(np.where(is_below, amplitudes, 0.0)),
    )


def _tops(
    magnitudes: FloatArray, frames: NDArray[np.int64], peaks: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Shift in bins, and height, of the parabolas through log magnitudes around peaks, (F, 20)."""
    before, here, after = (
        np.log(np.maximum(magnitudes[frames, peaks + step], np.float32(1e-10)))
        for step in (-1, 0, 1)
    )
    curvature = before - 2.0 * here + after
    is_peak = (curvature < 0.0) & (here >= before) & (here >= after)
    shifts = np.where(is_peak, 0.5 * (before - after) / np.where(is_peak, curvature, 1.0), 0.0)
    return _as_float32(shifts), _as_float32(np.exp(here - 0.25 * (before - after) * shifts))


def _as_float32(values: NDArray[np.floating]) -> FloatArray:
    return values.astype(np.float32)


def harmonic_descriptors(partials: Partials, energies: FloatArray) -> FloatArray:
    """All of `NAMES` for each frame, (F, 7).

    Args:
        partials: Of F frames.
        energies: Mean power of these frames, (F,).
    """
    shares = partials.amplitudes / (partials.amplitudes.sum(axis=1, keepdims=True) + _TINY)
    return np.stack(
        [
            *tristimulus(shares),
            odd_to_even(shares),
            deviation(shares),
            inharmonicity(partials),
            noisiness(partials, energies),
        ],
        axis=1,
    )


def tristimulus(shares: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share of the amplitude in the fundamental, in partials 2 to 4, and in all above."""
    return shares[:, 0], shares[:, 1:4].sum(axis=1), shares[:, 4:].sum(axis=1)


def odd_to_even(shares: FloatArray) -> FloatArray:
    """Energy of the odd partials over that of the even ones, in bels: 0 where they are equal.

    Peeters 2011 has the plain ratio, which is infinite for a sine.
    """
    energy = np.square(shares)
    faint = _FAINT * energy.sum(axis=1) + _TINY
    odd, even = energy[:, 0::2].sum(axis=1), energy[:, 1::2].sum(axis=1)
    return np.asarray(np.log10((odd + faint) / (even + faint)))


def deviation(shares: FloatArray) -> FloatArray:
    """Mean distance of the partials from a smooth envelope, the mean of three neighbours.

    Peeters 2011 sums the signed differences of amplitudes. Ours are of shares, so that level says
    nothing, and absolute, so that a jagged envelope is far from a smooth one.
    """
    smooth = (shares[:, :-2] + shares[:, 1:-1] + shares[:, 2:]) / 3.0
    return np.asarray(np.abs(shares[:, 1:-1] - smooth).sum(axis=1) / PARTIALS)


def inharmonicity(partials: Partials) -> FloatArray:
    """Distance of the partials from the multiples of the fundamental, weighted by their energy.

    In halves of the fundamental: from 0, perfectly harmonic, to 1, halfway between.
    """
    energy = np.square(partials.amplitudes)
    distance = np.abs(partials.frequencies - partials.multiples)
    mean = (distance * energy).sum(axis=1) / (energy.sum(axis=1) + _TINY)
    return np.asarray(2.0 * mean / partials.fundamentals)


def noisiness(partials: Partials, energies: FloatArray) -> FloatArray:
    """Share of a frame's energy that is not in its partials, in [0, 1]."""
    harmonic = np.square(partials.amplitudes).sum(axis=1) / 2.0
    return np.asarray(np.clip(1.0 - harmonic / (energies + _TINY), 0.0, 1.0))
