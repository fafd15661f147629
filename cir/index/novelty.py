"""How much a query looks like one whose instrument is not among the candidates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.index.chances import check_numbers, lead


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
    """Weight of the logarithm of the number of candidates: with it, as many queries whose
    instrument is there lie above the threshold in small databases as in large ones."""

    def __post_init__(self) -> None:
        check_numbers("the novelty", (self.intercept, self.best, self.lead, self.mean, self.log_n))

    def novelty(self, ranked: NDArray[np.float64]) -> float:
        """From 0, all is as with instruments that are there, to 1.

        Args:
            ranked: similarities of all candidates, best first, (N,), N at least 1.
        """
        weights = np.array([self.best, self.lead, self.mean, self.log_n])
        logit = self.intercept + float(features(ranked) @ weights)
        return float(0.5 * (1.0 + np.tanh(0.5 * logit)))  # a logistic that cannot overflow


def features(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the score depends on, in the order of the weights, (4,)."""
    return np.array([ranked[0], lead(ranked), ranked.mean(), np.log(len(ranked))])
