"""Fitting the novelty of queries: a logistic regression on a few features, and its threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from cir.errors import DataError
from cir.evaluation.metrics import Float64Array
from cir.index.novelty import NoveltyModel, features

_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class NovelQueries:
    """Queries against as many candidates, all with the right one among them, or all without."""

    ranked: Float64Array
    """Similarities, best first, (Q, N)."""
    is_absent: bool
    """Whether the right one is missing."""
    weights: Float64Array
    """How much each query counts, (Q,)."""
    is_whole: bool
    """Whether all candidates of the data are there, not a draw of them; some queries must be."""


def fit_novelty(
    queries: Sequence[NovelQueries], false_alarm_rate: float
) -> tuple[NoveltyModel, float]:
    """Find the score that tells best whether the right candidate is missing, and a threshold.

    The weight of the number of candidates is then set so that queries whose instrument is there
    exceed the threshold about as often among few candidates as among many.

    Args:
        queries: With and without the right candidate, against several numbers of candidates.
        false_alarm_rate: Share of the whole queries whose instrument is there that the threshold
            calls absent.

    Returns:
        The score and its threshold.

    Raises:
        DataError: One of the two kinds is missing.
    """
    chosen = [one for one in queries if one.ranked.shape[0] and one.ranked.shape[1]]
    if len({one.is_absent for one in chosen}) < 2:
        raise DataError(
            "Novelty is fitted on queries with and without the right instrument, and one kind is "
            "missing; name data with at least two instruments in a family."
        )
    known = np.concatenate([[features(row) for row in one.ranked] for one in chosen])  # (Q, 4)
    absent = np.repeat([one.is_absent for one in chosen], [len(one.ranked) for one in chosen])
    whole = np.repeat([one.is_whole for one in chosen], [len(one.ranked) for one in chosen])
    weights = np.concatenate([one.weights for one in chosen])
    intercept, slopes = _fit_logistic(known, absent, weights)
    slopes[-1] -= _slope_of_quantile(
        known[~absent, -1], known[~absent] @ slopes, weights[~absent], 1.0 - false_alarm_rate
    )
    present = ~absent & whole
    logits = intercept + known[present] @ slopes
    limit = _quantile(logits, weights[present], 1.0 - false_alarm_rate)
    best, lead, mean, log_n = slopes.tolist()
    threshold = float(0.5 * (1.0 + np.tanh(0.5 * limit)))
    return NoveltyModel(intercept, best, lead, mean, log_n), threshold


def _fit_logistic(
    known: Float64Array, positive: NDArray[np.bool_], weights: Float64Array
) -> tuple[float, Float64Array]:
    """Logistic regression with a touch of ridge, both kinds of the same total weight."""
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread == 0.0] = 1.0
    scaled = np.column_stack([np.ones(len(known)), (known - centre) / spread])
    signs = np.where(positive, 1.0, -1.0)
    shares = np.where(
        positive, weights / weights[positive].sum(), weights / weights[~positive].sum()
    )

    def loss(figures: Float64Array) -> tuple[float, Float64Array]:
        margins = signs * (scaled @ figures)
        value = float(shares @ np.logaddexp(0.0, -margins)) + _RIDGE * float(figures @ figures)
        pull = shares * signs * 0.5 * (1.0 - np.tanh(0.5 * margins))
        return value, -(pull @ scaled) + 2.0 * _RIDGE * figures

    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B").x
    slopes: Float64Array = found[1:] / spread
    return float(found[0] - slopes @ centre), slopes


def _slope_of_quantile(
    positions: Float64Array, values: Float64Array, weights: Float64Array, quantile: float
) -> float:
    """How fast a quantile of the values rises with the position: a line through ten bins."""
    edges = np.unique(np.quantile(positions, np.linspace(0.0, 1.0, 11)))
    bins = np.clip(np.searchsorted(edges, positions, side="right") - 1, 0, len(edges) - 1)
    places: list[float] = []
    levels: list[float] = []
    masses: list[float] = []
    for number in np.unique(bins):
        inside = bins == number
        places.append(float(np.average(positions[inside], weights=weights[inside])))
        levels.append(_quantile(values[inside], weights[inside], quantile))
        masses.append(float(np.sqrt(weights[inside].sum())))
    if len(places) < 2:
        return 0.0
    return float(np.polyfit(places, levels, 1, w=masses)[0])


def _quantile(values: Float64Array, weights: Float64Array, quantile: float) -> float:
    """The smallest value that at least this share of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    found = int(np.searchsorted(reached, quantile * reached[-1] * (1.0 - 1e-12)))
    return float(values[order[min(found, len(values) - 1)]])
