"""Scores become chances in a few steps, each of which much data stands behind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import InputError
from cir.index.chances import check_numbers


@dataclass(frozen=True)
class Levels:
    """Histogram binning: all scores of a bin get the chance that was found in it.

    Zadrozny and Elkan 2001; the bins are those of isotonic regression.
    """

    starts: tuple[float, ...]
    """The lowest score of each level, rising."""
    chances: tuple[float, ...]
    """What is said of its scores, in [0, 1], never falling."""

    def __post_init__(self) -> None:
        check_numbers("the levels", (*self.starts, *self.chances))
        if not self.starts or len(self.starts) != len(self.chances):
            raise InputError("The levels must be one at least, each with its start and its chance.")
        rising = all(np.diff(self.starts) > 0) and all(np.diff(self.chances) >= 0)
        if not rising or not 0.0 <= self.chances[0] <= self.chances[-1] <= 1.0:
            raise InputError("The levels must rise, their chances from 0 at least to 1 at most.")

    def of(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The chance of each score; those below the first level count to it."""
        places = np.searchsorted(self.starts, scores, side="right") - 1
        return np.array(self.chances)[np.maximum(places, 0)]
