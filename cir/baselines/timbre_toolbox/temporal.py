"""Global descriptors of a note's temporal energy envelope."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft
from scipy.signal import butter, hilbert, sosfilt

from cir.types import FloatArray

CUTOFF_HZ = 10.0
ORDER = 3
ENVELOPE_RATE = 1000
"""Values of an envelope per second."""

LEVELS = np.linspace(0.1, 1.0, 10)
"""The envelope's rise is timed from each of these to the next."""
PATIENCE = 3.0
"""A step belongs to the attack where it takes at most this many times the mean step."""

LOWEST_HZ, HIGHEST_HZ = 1.0, 10.0
SHORTEST_SECONDS = 0.2
FAINTEST = 0.01
"""Of the level: less is a dent of the envelope."""
#: Between two sounds the level counts as this, so that the trend is that of the sounds.
_GAP = 0.1
#: Spectrum points per second of sound: peaks are read to a quarter of a hertz or better.
_SMALLEST_FFT_SECONDS = 4.0

NAMES = (
    "attack_seconds",
    "attack_slope",
    "decrease_slope",
    "release_seconds",
    "temporal_centroid",
    "effective_duration",
    "modulation_hz",
    "modulation_amplitude",
)
PRESENT = 0.15
"""The note is there where its envelope exceeds this share of its maximum."""
HELD = 0.4
"""It is strong enough to count as its effective duration where it exceeds this one."""


def fit_line(values: NDArray[np.float64]) -> tuple[float, float]:
    """Slope per step and value at the first step, by least squares; one value has the slope 0."""
    middle = (len(values) - 1) / 2.0
    steps = np.arange(len(values)) - middle
    slope = float(steps @ values / max(float(steps @ steps), 1e-12))
    return slope, float(values.mean() - slope * middle)


def energy_envelope(audio: FloatArray, sample_rate: int) -> NDArray[np.float64]:
    """Amplitude of the analytic signal, through a Butterworth low-pass of order 3.

    Peeters 2011 cuts at 5 Hz, in the middle of the tremolo that is sought in it. At 10 Hz, where
    that ends, more instruments of Surge's valid split are found.

    Args:
        audio: Mono, not silent, (T,).
        sample_rate: In Hz, a multiple of `ENVELOPE_RATE`.

    Returns:
        `ENVELOPE_RATE` values a second, each the maximum of its moment; in [0, 1], the largest 1.
    """
    amplitude = np.abs(hilbert(audio, next_fast_len(len(audio))))[: len(audio)]
    smooth = np.maximum(sosfilt(_low_pass(sample_rate), amplitude), 0.0)
    moments = np.arange(0, len(smooth), sample_rate // ENVELOPE_RATE)
    return np.asarray(np.maximum.reduceat(smooth, moments) / smooth.max(), dtype=np.float64)


@lru_cache
def _low_pass(sample_rate: int) -> NDArray[np.float64]:
    return np.asarray(butter(ORDER, CUTOFF_HZ, fs=sample_rate, output="sos"))


@dataclass(frozen=True)
class Attack:
    """The part of an envelope in which a note comes up."""

    start: int
    """Index into the envelope."""
    end: int
    """Index into the envelope, `start` or later."""
    slope: float
    """Mean rise per second, of an envelope whose largest value is 1."""


def find_attack(envelope: NDArray[np.float64], rate: int) -> Attack:
    """Find the attack by Peeters' weakest-effort method.

    The rise is cut into steps of a tenth of the maximum, and the effort of a step is the time it
    takes. The attack goes from the first to the last step whose effort is at most three times the
    mean one (the factor is that of his CUIDADO report, 2004), which leaves out a slow swell before
    it and a slow approach to the maximum after it. Its slope is the mean over its steps, weighted
    by a Gaussian of level around one half.

    Args:
        envelope: Values in [0, 1], the largest 1, (T,).
        rate: Its values per second.
    """
    crossings = (envelope >= LEVELS[:, None] - 1e-9).argmax(axis=1)
    efforts = np.diff(crossings)
    quick = np.flatnonzero(efforts <= PATIENCE * efforts.mean())
    first, last = int(quick[0]), int(quick[-1])
    steps = slice(first, last + 1)
    rises = np.diff(LEVELS)[steps] * rate / np.maximum(efforts[steps], 1)
    middles = (LEVELS[:-1] + LEVELS[1:])[steps] / 2.0
    weights = np.exp(-0.5 * np.square((middles - 0.5) / 0.5))
    return Attack(
        start=int(crossings[first]),
        end=int(crossings[last + 1]),
        slope=float((rises * weights).sum() / weights.sum()),
    )


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


def temporal_descriptors(envelope: NDArray[np.float64], rate: int) -> tuple[float, ...]:
    """Describe an envelope by one number for each of `NAMES`: seconds, or per second, or Hz.

    The temporal centroid counts from where the note begins, so that silence before it is nothing.

    Args:
        envelope: Values in [0, 1], the largest 1, (T,).
        rate: Its values per second.
    """
    attack = find_attack(envelope, rate)
    present = np.flatnonzero(envelope > PRESENT)
    held = np.flatnonzero(envelope > HELD)
    begin, end, release = int(present[0]), int(present[-1]) + 1, int(held[-1]) + 1
    centroid = float(envelope[present] @ (present - begin) / envelope[present].sum())
    modulation_hz, modulation_amplitude = energy_modulation(envelope[attack.end : release], rate)
    return (
        (attack.end - attack.start) / rate,
        attack.slope,
        decrease_slope(envelope[int(envelope.argmax()) : end], rate),
        (end - release) / rate,
        centroid / rate,
        len(held) / rate,
        modulation_hz,
        modulation_amplitude,
    )


def decrease_slope(decay: NDArray[np.float64], rate: int) -> float:
    """The a of a decay exp(-a t), per second, by linear regression on its logarithm; 0 if it rises.

    Args:
        decay: An envelope from its maximum on, (T,).
        rate: Its values per second.
    """
    slope, _ = fit_line(np.log(np.maximum(decay, 1e-6)))
    return max(0.0, -slope * rate)
