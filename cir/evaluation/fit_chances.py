"""Fitting the scores of matches by a conditional logit, whose likelihood has one maximum."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from cir.errors import DataError
from cir.index.chances import ChanceModel, lead
from cir.metrics import Float64Array, IntArray

_OWN = ("scale", "scale_per_gap", "scale_per_best")
_FAMILY_SPREAD = 1.0
"""Prior standard deviation of what a family adds to the scale, in units of one over the spread of
similarities; families with few instruments stay near 0."""


@dataclass(frozen=True, eq=False)
class RankedQueries:
    """Queries for one family against the same number of candidates, the right one among them."""

    family: str
    ranked: Float64Array
    """Similarities, best first, (Q, N)."""
    places: IntArray
    """Place of the right candidate, from 0, (Q,)."""
    weights: Float64Array
    """Weight of each query, (Q,); those of one instrument add up to 1."""


def fit_chances(queries: Sequence[RankedQueries]) -> ChanceModel:
    """Fit the model under which the right candidates are most likely.

    Args:
        queries: Queries of several families.

    Raises:
        DataError: No query has two candidates.
    """
    chosen = [one for one in queries if one.ranked.shape[1] > 1 and len(one.ranked)]
    if not chosen:
        raise DataError(
            "Chances are fitted on queries with at least two candidates of a family, and there are "
            "none; name data with more instruments."
        )
    families = sorted({one.family for one in chosen})
    spread = _spread(chosen)
    blocks = [_Block(one, families, spread) for one in chosen]
    total = sum(float(one.weights.sum()) for one in chosen)
    n_figures = len(_OWN) + len(families) + 1
    penalty = np.zeros(n_figures)
    penalty[len(_OWN) : -1] = 0.5 / _FAMILY_SPREAD**2

    def loss(figures: Float64Array) -> tuple[float, Float64Array]:
        value, gradient = float(penalty @ figures**2), 2.0 * penalty * figures
        for block in blocks:
            more, slope = block.loss(figures)
            value, gradient = value + more, gradient + slope
        return value / total, gradient / total

    start = np.zeros(n_figures)
    start[0] = 1.0
    bounds = [(None, None)] * (n_figures - 1) + [(0.0, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    scales = found[:-1] / spread
    return ChanceModel(
        scale=float(scales[0]),
        scale_per_gap=float(scales[1] / spread),
        scale_per_best=float(scales[2] / spread),
        rank_decay=float(found[-1]),
        family_scales=dict(zip(families, scales[len(_OWN) :].tolist(), strict=True)),
    )


class _Block:
    """Loss and gradient of some queries.

    The scale of a query is a weighted sum of its features, so the loss is convex in the weights and
    in the rank's decay.
    """

    def __init__(self, queries: RankedQueries, families: Sequence[str], spread: float) -> None:
        n_queries, n_candidates = queries.ranked.shape
        self._behind = (queries.ranked - queries.ranked[:, :1]) / spread  # (Q, N), at most 0
        self._log_ranks = np.log(np.arange(1, n_candidates + 1))
        self._places, self._weights = queries.places, queries.weights
        self._known = np.zeros((n_queries, len(_OWN) + len(families)))
        self._known[:, 0] = 1.0
        self._known[:, 1] = [lead(ranked) / spread for ranked in queries.ranked]
        self._known[:, 2] = queries.ranked[:, 0] / spread
        self._known[:, len(_OWN) + list(families).index(queries.family)] = 1.0

    def loss(self, figures: Float64Array) -> tuple[float, Float64Array]:
        """Return the negative log likelihood and its gradient, (P,)."""
        rows = np.arange(len(self._places))
        scales = self._known @ figures[:-1]  # (Q,)
        logits = scales[:, None] * self._behind - figures[-1] * self._log_ranks  # (Q, N)
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        sums = chances.sum(axis=1)
        chances /= sums[:, None]
        value = -float(self._weights @ (logits[rows, self._places] - np.log(sums)))
        surplus = self._behind[rows, self._places] - (chances * self._behind).sum(axis=1)
        decay = self._log_ranks[self._places] - chances @ self._log_ranks
        gradient = np.append(-(self._weights * surplus) @ self._known, self._weights @ decay)
        return value, gradient


def _spread(queries: Sequence[RankedQueries]) -> float:
    """Return the mean standard deviation of a query's similarities, the unit of the parameters."""
    spreads = [float(one.ranked.std(axis=1).mean()) for one in queries]
    return float(np.mean(spreads)) or 1.0
