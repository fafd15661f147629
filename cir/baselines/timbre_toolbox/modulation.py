"""Tremolo: how fast and how far the energy of a held note goes up and down."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

from cir.baselines.timbre_toolbox.line import fit_line

LOWEST_HZ, HIGHEST_HZ = 1.0, 10.0
SHORTEST_SECONDS = 0.2
FAINTEST = 0.01
"""Of the level: less is a dent of the envelope."""
#: Between two sounds the level counts as this, so that the trend is that of the sounds.
_GAP = 0.1
#: Spectrum points per second of sound: peaks are read to a quarter of a hertz or better.
_SMALLEST_FFT_SECONDS = 4.0


def energy_modulation(sustain: NDArray[np.float64], rate: int) -> tuple[float, float]:
    """Frequency in Hz and relative amplitude of the strongest modulation between 1 and 10 Hz.

    As in Peeters 2011, the strongest sine in what a smooth trend leaves of the held part of the
    envelope. The trend is an exponential here and the rest is relative to it, so that a tremolo of
    0.5 is half of the level up and half of it down, whether the note decays or not.

    Args:
        sustain: The envelope after the attack and before the release, largest about 1, (T,).
        rate: Its values per second.

    Returns:
        (0, 0) where the part is shorter than 0.2 s, or no modulation reaches `FAINTEST`.
    """
    if len(sustain) < SHORTEST_SECONDS * rate:
        return 0.0, 0.0
    sustain = np.maximum(sustain, _GAP)
    slope, start = fit_line(np.log(sustain))
    trend = np.exp(start + slope * np.arange(len(sustain)))
    window = np.hanning(len(sustain) + 2)[1:-1]
    residual = (sustain / trend - 1.0) * window
    size = next_fast_len(max(len(sustain), int(_SMALLEST_FFT_SECONDS * rate)), real=True)
    amplitudes = np.abs(rfft(residual, size)) * (2.0 / window.sum())
    frequencies = np.arange(len(amplitudes)) * (rate / size)
    inner = amplitudes[1:-1]
    is_peak = (inner > amplitudes[:-2]) & (inner >= amplitudes[2:])
    is_peak &= (frequencies[1:-1] >= LOWEST_HZ) & (frequencies[1:-1] <= HIGHEST_HZ)
    is_peak &= inner >= FAINTEST
    if not is_peak.any():
        return 0.0, 0.0
    best = 1 + int(np.where(is_peak, inner, 0.0).argmax())
    return float(frequencies[best]), float(amplitudes[best])
