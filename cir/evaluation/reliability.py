"""Whether a chance means what it says: reliability diagram and expected calibration error."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cir.errors import InputError
from cir.evaluation import bootstrap
from cir.evaluation.scores import RESAMPLES, Estimate
from cir.metrics import Float64Array, IntArray

N_BINS = 10
ENOUGH = 50
"""Answers that a bin must have for its distance to mean anything."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose stated chance lies from `low` to `high`."""

    low: float
    high: float
    """Belongs to the next bin, but for 1."""
    chance: float | None
    """Mean of what was stated; None where there is no answer."""
    accuracy: float | None
    """Share of them that were right; None where there is no answer."""
    count: int

    @property
    def gap(self) -> float:
        """How far what was stated lies above what happened; below 0 where it lies below."""
        return 0.0 if self.chance is None or self.accuracy is None else self.chance - self.accuracy

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON."""
        return asdict(self)


def reliability_bins(chances: Float64Array, right: Float64Array) -> list[ReliabilityBin]:
    """Sort answers into ten bins of equal width by their chance.

    Args:
        chances: What was stated, in [0, 1], (Q,).
        right: 1 where the answer was right, else 0, (Q,).
    """
    numbers = bin_numbers(chances, right)
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    bins = []
    for number in range(N_BINS):
        inside = numbers == number
        filled = bool(inside.any())
        bins.append(
            ReliabilityBin(
                low=round(float(edges[number]), 3),
                high=round(float(edges[number + 1]), 3),
                chance=float(chances[inside].mean()) if filled else None,
                accuracy=float(right[inside].mean()) if filled else None,
                count=int(inside.sum()),
            )
        )
    return bins


def worst_bin(bins: Sequence[ReliabilityBin]) -> ReliabilityBin | None:
    """The bin of 50 answers or more that is off the furthest; None where there is none."""
    filled = [one for one in bins if one.count >= ENOUGH]
    return max(filled, key=lambda one: abs(one.gap), default=None)


def expected_calibration_error(
    chances: Float64Array, right: Float64Array, groups: IntArray, *, seed: int = 0
) -> Estimate:
    """How far stated chances lie from what happens, on average.

    In each of ten bins of equal width, the distance between the mean chance and the share that
    was right; the mean over the bins, weighted by their answers (Naeini et al. 2015, Guo et al.
    2017). Noise only ever adds to it, so that the interval, from redrawing whole groups, lies
    rather too high than too low.

    Args:
        chances: What was stated, in [0, 1], (Q,).
        right: 1 where the answer was right, else 0, (Q,).
        groups: Instrument of each query, (Q,); those that have answers are redrawn.
        seed: Of the bootstrap.
    """
    numbers = bin_numbers(chances, right)
    groups = np.unique(groups, return_inverse=True)[1]
    n_groups = int(groups.max()) + 1
    cells = groups * N_BINS + numbers
    gaps = np.bincount(cells, weights=chances - right, minlength=n_groups * N_BINS)
    sizes = np.bincount(groups, minlength=n_groups)
    gaps = gaps.reshape(n_groups, N_BINS)
    value = float(np.abs(gaps.sum(0)).sum() / sizes.sum())
    replicates = None
    if n_groups > 1:
        counts = bootstrap.draw_counts(n_groups, RESAMPLES, np.random.default_rng(seed))
        replicates = np.abs(counts @ gaps).sum(1) / (counts @ sizes)
    return Estimate(value, 0.0, replicates)


def bin_numbers(chances: Float64Array, right: Float64Array) -> IntArray:
    """The bin of each chance, 0..9, (Q,).

    Raises:
        InputError: There are none, some are no chances, or the lengths differ.
    """
    if chances.ndim != 1 or not len(chances) or chances.shape != right.shape:
        raise InputError(
            f"Chances of shape {chances.shape} and outcomes of shape {right.shape}; give one of "
            "each for every query, and one query at least."
        )
    if not ((chances >= 0) & (chances <= 1)).all():
        raise InputError("Chances must lie between 0 and 1.")
    return np.minimum((chances * N_BINS).astype(np.int64), N_BINS - 1)
