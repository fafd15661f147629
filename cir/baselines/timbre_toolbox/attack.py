"""Where a note's attack begins and ends, and how steep it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = np.linspace(0.1, 1.0, 10)
"""The envelope's rise is timed from each of these to the next."""
PATIENCE = 3.0
"""A step belongs to the attack where it takes at most this many times the mean step."""


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
