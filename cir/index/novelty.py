"""How much a query looks like one whose instrument is not among the candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cir.index.chances import check_numbers, check_scales, lead


@dataclass(frozen=True)
class NoveltyModel:
    """A logistic score of a few features of the similarities."""

    intercept: float
    best: float
    """Weight of the highest similarity."""
    lead: float
    """Weight of how far it is ahead of the fifth."""
    mean: float
    """Weight of the mean similarity."""
    log_n: float
    """Weight of the logarithm of the number of candidates."""
    family_offsets: Mapping[str, float] = field(default_factory=dict)
    """What a family adds; 0 for those that are not here. With these and `log_n`, as many queries
    whose instrument is there lie above the threshold in one family as in another, and in small
    databases as in large ones."""

    def __post_init__(self) -> None:
        check_numbers("the novelty", (self.intercept, self.best, self.lead, self.mean, self.log_n))
        check_scales("family_offsets of the novelty", self.family_offsets)

    def novelty(self, ranked: NDArray[np.float64], family: str | None) -> float:
        """From 0, all is as with instruments that are there, to 1.

        Args:
            ranked: similarities of all candidates, best first, (N,), N at least 1.
            family: that was searched for; None for any.
        """
        weights = np.array([self.best, self.lead, self.mean, self.log_n])
        own = self.family_offsets.get(family or "", 0.0)
        return logistic(self.intercept + own + float(features(ranked) @ weights))


def logistic(logit: float) -> float:
    """1 / (1 + exp(-logit)), for any finite logit."""
    return float(0.5 * (1.0 + np.tanh(0.5 * logit)))


def features(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the score depends on, in the order of the weights, (4,)."""
    return np.array([ranked[0], lead(ranked), ranked.mean(), np.log(len(ranked))])
