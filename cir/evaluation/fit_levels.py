"""Fitting the chance that an answer of some score is right: isotonic regression in few levels."""

import math

import numpy as np
from scipy.optimize import isotonic_regression

from cir.index.chances import ChanceLevels
from cir.metrics import Float64Array

LEAST_WEIGHT = 40.0
"""Least weight of a level, in instruments: its chance is then good to some eight points."""

_DEVIATIONS = 1.28
"""Standard deviations below which one of ten values of a normal variable lies."""


def fit_levels(scores: Float64Array, right: Float64Array, weights: Float64Array) -> ChanceLevels:
    """Find levels that rise with the score, and how often answers in each level are right.

    No level is certain: the highest chance is a lower confidence bound, and the lowest chance is at
    least that of half a right answer.

    Args:
        scores: Scores of answers, (A,), at least one.
        right: 1 for a right answer, 0 for a wrong one, (A,).
        weights: Weight of each answer, (A,); those of one instrument add up to 1.
    """
    distinct, places = np.unique(scores, return_inverse=True)
    weight = np.bincount(places, weights)
    won = np.bincount(places, weights * right)
    firsts = isotonic_regression(won / weight, weights=weight).blocks[:-1]
    starts = distinct[firsts].tolist()
    weight = np.add.reduceat(weight, firsts)
    share = np.minimum(1.0, np.add.reduceat(won, firsts) / weight)
    while len(starts) > 1 and weight.min() < LEAST_WEIGHT:
        number = int(weight.argmin())
        others = [one for one in (number - 1, number + 1) if 0 <= one < len(starts)]
        other = min(others, key=lambda one: abs(share[one] - share[number]))
        low, high = sorted((number, other))
        total = weight[low] + weight[high]
        share[low] = (weight[low] * share[low] + weight[high] * share[high]) / total
        weight[low] = total
        weight, share = np.delete(weight, high), np.delete(share, high)
        del starts[high]
    chances = share.tolist()
    chances[-1] = max(_lower_bound(chances[-1], weight[-1]), *chances[-2:-1], 0.0)
    least = 0.5 / max(1.0, float(weight[0]))
    return ChanceLevels(tuple(starts), tuple(max(least, one) for one in chances))


def _lower_bound(share: float, count: float) -> float:
    """Return Wilson's lower bound of a share of `count` answers."""
    square = _DEVIATIONS**2 / count
    spread = math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, (share + square / 2 - _DEVIATIONS * spread) / (1 + square))
