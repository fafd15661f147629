"""Global descriptors of a note's temporal energy envelope."""

import numpy as np
from numpy.typing import NDArray

from cir.baselines.timbre_toolbox.attack import find_attack
from cir.baselines.timbre_toolbox.line import fit_line
from cir.baselines.timbre_toolbox.modulation import energy_modulation

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
