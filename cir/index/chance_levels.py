"""Calibrated chances in a few levels, each fitted on many answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import InputError
from cir.index.chances import check_numbers


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
