"""Fitting what scores are worth: isotonic regression, in few steps with much data in each."""

import math

import numpy as np

from cir.index.chances import ChanceLevels
from cir.metrics import Float64Array

LEAST_WEIGHT = 40.0
"""Instruments' worth of answers in each level: what is said is then good to some eight points."""

_DEVIATIONS = 1.28
"""Of a normal variable: nine of ten true shares lie above the lower bound."""


def fit_levels(scores: Float64Array, right: Float64Array, weights: Float64Array) -> ChanceLevels:
    """Find levels that rise with the score, and how often answers in each are right.

    Nothing is sure: the highest chance is the lower bound of what was found, and the lowest is that
    of half an answer where there was none.

    Args:
        scores: Of answers, (A,), at least one.
        right: 1 where the answer was right, else 0, (A,).
        weights: How much each counts, (A,); those of one instrument add up to 1.
    """
    pools = _pool_violators(scores, right, weights)
    while len(pools) > 1:
        number = min(range(len(pools)), key=lambda one: pools[one].weight)
        if pools[number].weight >= LEAST_WEIGHT:
            break
        others = [one for one in (number - 1, number + 1) if 0 <= one < len(pools)]
        other = min(others, key=lambda one: abs(pools[one].share - pools[number].share))
        low = min(number, other)
        pools[low : low + 2] = [pools[low].with_next(pools[low + 1])]
    chances = [pool.share for pool in pools]
    chances[-1] = max(_lower_bound(chances[-1], pools[-1].weight), *chances[-2:-1], 0.0)
    least = 0.5 / max(1.0, pools[0].weight)
    return ChanceLevels(
        tuple(pool.start for pool in pools), tuple(max(least, one) for one in chances)
    )


class _Pool:
    """Answers of neighbouring scores."""

    def __init__(self, start: float, weight: float, won: float) -> None:
        self.start, self.weight, self.won = start, weight, won

    @property
    def share(self) -> float:
        """How much of them was right."""
        return min(1.0, self.won / self.weight)

    def with_next(self, later: "_Pool") -> "_Pool":
        return _Pool(self.start, self.weight + later.weight, self.won + later.won)


def _pool_violators(
    scores: Float64Array, right: Float64Array, weights: Float64Array
) -> list[_Pool]:
    """Isotonic regression: shares that rise with the score, by merging neighbours that do not."""
    starts, places = np.unique(scores, return_inverse=True)
    weight = np.bincount(places, weights)
    won = np.bincount(places, weights * right)
    pools: list[_Pool] = []
    for one in map(_Pool, starts.tolist(), weight.tolist(), won.tolist()):
        pools.append(one)
        while len(pools) > 1 and pools[-2].share >= pools[-1].share:
            later = pools.pop()
            pools[-1] = pools[-1].with_next(later)
    return pools


def _lower_bound(share: float, count: float) -> float:
    """Wilson's, of a share of so many."""
    square = _DEVIATIONS**2 / count
    spread = math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, (share + square / 2 - _DEVIATIONS * spread) / (1 + square))
