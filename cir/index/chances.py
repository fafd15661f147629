"""What similarities mean: chances of matches, novelty, and words where there are no chances."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator

from cir.config import Amount, checked
from cir.errors import InputError
from cir.instruments.families import FAMILIES

_Number = TypeVar("_Number", int, float)

GAP_RANK = 5
"""The lead of the best match is measured over the match of this rank, or the last."""


def _check_families(by_family: Mapping[str, _Number]) -> Mapping[str, _Number]:
    if unknown := set(by_family) - set(FAMILIES):
        raise ValueError(f"has the unknown family {min(unknown)!r}")
    return by_family


ByFamily = Annotated[Mapping[str, _Number], AfterValidator(_check_families)]
"""Numbers by family."""


@checked()
class ChanceModel:
    """Scores of ranked candidates, given that one of them is right.

    `ChanceLevels` turn them into chances.

    The score of the candidate of rank r and similarity s_r among N is proportional to

        exp(k s_r) / r^decay,   k = scale + scale_per_gap (s_1 - s_5) + scale_per_best s_1 + own,

    where `own` is the family's addition to the scale, and k is at least 0. The scores sum to 1 and
    never rise with the rank.
    """

    scale: float
    scale_per_gap: float
    scale_per_best: float
    rank_decay: Amount
    """If it was below 0, a later match could be likelier than an earlier one."""
    family_scales: ByFamily[float] = field(default_factory=dict)
    """Addition to the scale by family; 0 for families that are missing."""

    def scores(self, ranked: NDArray[np.float64], family: str | None) -> NDArray[np.float64]:
        """Return the score of each candidate, in [0, 1], (N,).

        Args:
            ranked: Similarities of all candidates, best first, (N,), N at least 1.
            family: The family that was searched for; None for any.
        """
        count = len(ranked)
        scale = (
            self.scale
            + self.scale_per_gap * lead(ranked)
            + self.scale_per_best * ranked[0]
            + self.family_scales.get(family or "", 0.0)
        )
        ranks = np.arange(1, count + 1)
        logits = max(0.0, scale) * (ranked - ranked[0]) - self.rank_decay * np.log(ranks)
        weights: NDArray[np.float64] = np.exp(logits)  # the first is 1, none is more
        weights /= weights.sum()
        return weights


@checked()
class ChanceLevels:
    """Histogram binning (Zadrozny and Elkan 2001) with the bins of isotonic regression.

    All scores of a bin get the chance that was found in it.
    """

    starts: tuple[float, ...]
    """The lowest score of each level, rising."""
    chances: tuple[float, ...]
    """The chance of each level, in [0, 1], never falling."""

    def __post_init__(self) -> None:
        if not self.starts or len(self.starts) != len(self.chances):
            raise InputError("Give at least one level, each with its start and its chance.")
        rising = all(np.diff(self.starts) > 0) and all(np.diff(self.chances) >= 0)
        if not rising or not 0.0 <= self.chances[0] <= self.chances[-1] <= 1.0:
            raise InputError("Levels must rise, and so must their chances, which lie in [0, 1].")

    def of(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the chance of each score; scores below the first level get its chance."""
        places = np.searchsorted(self.starts, scores, side="right") - 1
        return np.array(self.chances)[np.maximum(places, 0)]


def lead(ranked: NDArray[np.float64]) -> float:
    """Return the lead of the best match over the fifth, or over the last of fewer."""
    return float(ranked[0] - ranked[min(GAP_RANK, len(ranked)) - 1])


@checked()
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
    family_offsets: ByFamily[float] = field(default_factory=dict)
    """Addition by family; 0 for families that are missing. These and `log_n` make the share of
    false alarms the same in all families, and in small and large databases."""

    def novelty(self, ranked: NDArray[np.float64], family: str | None) -> float:
        """Return the novelty, from 0 (as for instruments that are there) to 1.

        Args:
            ranked: Similarities of all candidates, best first, (N,), N at least 1.
            family: The family that was searched for; None for any.
        """
        weights = np.array([self.best, self.lead, self.mean, self.log_n])
        own = self.family_offsets.get(family or "", 0.0)
        logit = self.intercept + own + features(ranked) @ weights
        return float(np.exp(-np.logaddexp(0, -logit)))  # the logistic function


def features(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features in the order of the weights, (4,)."""
    return np.array([ranked[0], lead(ranked), ranked.mean(), np.log(len(ranked))])


@checked()
class Likeness:
    """The similarities of mixtures to instruments at which the words change."""

    similar: float = 0.3
    very_similar: float = 0.5

    def __post_init__(self) -> None:
        if self.similar > self.very_similar:
            raise InputError(
                f"very_similar is {self.very_similar}; at least {self.similar} is allowed."
            )

    def word(self, similarity: float) -> str:
        """Return "very similar", "similar" or "not alike"."""
        if similarity >= self.very_similar:
            return "very similar"
        return "similar" if similarity >= self.similar else "not alike"
