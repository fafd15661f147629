"""Amplitudes and frequencies of the harmonic partials of a note, frame by frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.types import FloatArray

PARTIALS = 20
"""As in Peeters 2011."""
#: A partial is sought this far around its multiple of the fundamental, but no further than a
#: quarter of the way to the next.
_REACH_HZ = 48.0
_REACH = 0.25


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
