"""Fitting the novelty score of queries, by logistic regression, and its threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from cir.errors import DataError
from cir.index.chances import NoveltyModel, features
from cir.metrics import Float64Array

_RIDGE = 1e-3
_FAMILY_PRIOR = 1.0
"""Ridge of a family's offset, in instruments: small families keep offsets near 0."""


@dataclass(frozen=True, eq=False)
class NovelQueries:
    """Queries against the same number of candidates, all with the right one or all without."""

    family: str
    ranked: Float64Array
    """Similarities, best first, (Q, N)."""
    is_absent: bool
    """Whether the right candidate is missing."""
    weights: Float64Array
    """Weight of each query, (Q,)."""
    is_whole: bool
    """Whether these are all candidates of the data, not a draw; the threshold is fitted on them."""


def fit_novelty(
    queries: Sequence[NovelQueries], false_alarm_rate: float
) -> tuple[NoveltyModel, float]:
    """Fit a score of whether the right candidate is missing, and a threshold.

    The score is shifted by family and by the number of candidates, so that queries whose instrument
    is present exceed the threshold about equally often everywhere.

    Args:
        queries: Queries with and without the right candidate, among several numbers of them.
        false_alarm_rate: Share of the whole queries with a present instrument that the threshold
            calls absent.

    Returns:
        The score and its threshold.

    Raises:
        DataError: There are no queries with, or none without the right candidate.
    """
    chosen = [one for one in queries if one.ranked.shape[0] and one.ranked.shape[1]]
    if len({one.is_absent for one in chosen}) < 2:
        raise DataError(
            "Novelty is fitted on queries with and without the right instrument, and one kind is "
            "missing; name data with at least two instruments in a family."
        )
    known = [np.array([features(row) for row in one.ranked]) for one in chosen]  # (Q, 4) each
    absent = np.repeat([one.is_absent for one in chosen], [len(one.ranked) for one in chosen])
    weights = np.concatenate([one.weights for one in chosen])
    intercept, slopes = _fit_logistic(np.concatenate(known), absent, weights)
    present = [
        (one, features_of)
        for one, features_of in zip(chosen, known, strict=True)
        if not one.is_absent
    ]
    offsets, slope = _level(
        [
            _Cell(
                one.family,
                float(features_of[0, -1]),
                weighted_quantile(features_of @ slopes, one.weights, 1.0 - false_alarm_rate),
                float(one.weights.sum()),
            )
            for one, features_of in present
        ]
    )
    slopes[-1] -= slope
    logits = [features_of @ slopes + offsets[one.family] for one, features_of in present]
    limit = weighted_quantile(
        np.concatenate(
            [part for part, (one, _) in zip(logits, present, strict=True) if one.is_whole]
        ),
        np.concatenate([one.weights for one, _ in present if one.is_whole]),
        1.0 - false_alarm_rate,
    )
    best, lead, mean, log_n = slopes.tolist()
    model = NoveltyModel(intercept, best, lead, mean, log_n, offsets)
    return model, float(expit(intercept + limit))


@dataclass(frozen=True)
class _Cell:
    """Queries for one family against one number of candidates, with the right one."""

    family: str
    log_n: float
    level: float
    """Quantile of their scores."""
    weight: float


def _level(cells: Sequence[_Cell]) -> tuple[dict[str, float], float]:
    """Fit offsets of families, and the slope by log N to subtract, that equalise the cells.

    Weighted least squares with a ridge on the offsets.
    """
    families = sorted({cell.family for cell in cells})
    rows = np.zeros((len(cells), 2 + len(families)))
    rows[:, 0] = 1.0
    rows[:, 1] = [cell.log_n for cell in cells]
    for number, cell in enumerate(cells):
        rows[number, 2 + families.index(cell.family)] = 1.0
    weights = np.array([cell.weight for cell in cells])
    ridge = np.diag([1e-6, 1e-6, *[_FAMILY_PRIOR] * len(families)])
    levels = np.array([cell.level for cell in cells])
    squares = rows.T @ (weights[:, None] * rows) + ridge
    figures = np.linalg.solve(squares, rows.T @ (weights * levels))
    return dict(zip(families, (-figures[2:]).tolist(), strict=True)), float(figures[1])


def _fit_logistic(
    known: Float64Array, positive: NDArray[np.bool_], weights: Float64Array
) -> tuple[float, Float64Array]:
    """Fit a logistic regression with a small ridge; both classes have the same total weight."""
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
        pull = shares * signs * expit(-margins)
        return value, -(pull @ scaled) + 2.0 * _RIDGE * figures

    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B").x
    slopes: Float64Array = found[1:] / spread
    return float(found[0] - slopes @ centre), slopes


def weighted_quantile(values: Float64Array, weights: Float64Array, quantile: float) -> float:
    """Return the smallest value that at least this share of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    found = int(np.searchsorted(reached, quantile * reached[-1] * (1.0 - 1e-12)))
    return float(values[order[min(found, len(values) - 1)]])
