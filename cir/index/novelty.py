"""Open-set detection: how likely the instrument of a query is not among the candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cir.index.chances import check_numbers, check_scales, lead


@dataclass(frozen=True)
class NoveltyModel:
    """A logistic regression on a few features of the similarities."""

    intercept: float
    best: float
    """Weight of the highest similarity."""
    lead: float
    """Weight of its lead over the fifth."""
    mean: float
    """Weight of the mean similarity."""
    log_n: float
    """Weight of the logarithm of the number of candidates."""
    family_offsets: Mapping[str, float] = field(default_factory=dict)
    """Addition by family; 0 for families that are missing. These and `log_n` make the share of
    false alarms the same in all families, and in small and large databases."""

    def __post_init__(self) -> None:
        check_numbers("the novelty", (self.intercept, self.best, self.lead, self.mean, self.log_n))
        check_scales("family_offsets of the novelty", self.family_offsets)

    def novelty(self, ranked: NDArray[np.float64], family: str | None) -> float:
        """Return the novelty, from 0 (as for instruments that are there) to 1.

        Args:
            ranked: Similarities of all candidates, best first, (N,), N at least 1.
            family: The family that was searched for; None for any.
        """
        weights = np.array([self.best, self.lead, self.mean, self.log_n])
        own = self.family_offsets.get(family or "", 0.0)
        return logistic(self.intercept + own + float(features(ranked) @ weights))


def logistic(logit: float) -> float:
    """Return 1 / (1 + exp(-logit)), for any finite logit."""
    return float(0.5 * (1.0 + np.tanh(0.5 * logit)))


def features(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features in the order of the weights, (4,)."""
    return np.array([ranked[0], lead(ranked), ranked.mean(), np.log(len(ranked))])
