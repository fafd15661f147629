"""Chances of matches: a softmax over all candidates, then levels fitted on many answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import InputError
from cir.instruments.families import FAMILIES

GAP_RANK = 5
"""The lead of the best match is measured over the match of this rank, or the last."""


@dataclass(frozen=True)
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
    rank_decay: float
    """At least 0."""
    family_scales: Mapping[str, float] = field(default_factory=dict)
    """Addition to the scale by family; 0 for families that are missing."""

    def __post_init__(self) -> None:
        check_numbers(
            "the chances",
            (self.scale, self.scale_per_gap, self.scale_per_best, self.rank_decay),
        )
        check_scales("family_scales of the chances", self.family_scales)
        if self.rank_decay < 0:
            raise InputError(
                f"rank_decay is {self.rank_decay}; it must be at least 0, or a later match would "
                "be likelier than an earlier one."
            )

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


@dataclass(frozen=True)
class ChanceLevels:
    """Histogram binning (Zadrozny and Elkan 2001) with the bins of isotonic regression.

    All scores of a bin get the chance that was found in it.
    """

    starts: tuple[float, ...]
    """The lowest score of each level, rising."""
    chances: tuple[float, ...]
    """The chance of each level, in [0, 1], never falling."""

    def __post_init__(self) -> None:
        check_numbers("the levels", (*self.starts, *self.chances))
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


def check_numbers(what: str, numbers: tuple[float, ...]) -> None:
    """Make sure that all numbers are finite.

    Raises:
        InputError: One is not.
    """
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{number!r} among the figures of {what} is no number.")
        if not np.isfinite(number):
            raise InputError(f"{number} among the figures of {what} is not finite.")


def check_scales(what: str, by_family: Mapping[str, float]) -> None:
    """Make sure that values are finite numbers by family.

    Raises:
        InputError: They are not.
    """
    if not isinstance(by_family, Mapping):
        raise InputError(f"The {what} must be numbers by family, not {by_family!r:.40}.")
    if unknown := set(by_family) - set(FAMILIES):
        raise InputError(f"There is no family {min(unknown)!r}, as the {what} say.")
    check_numbers(what, tuple(by_family.values()))
