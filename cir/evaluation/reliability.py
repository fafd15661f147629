"""Reliability diagram and expected calibration error of chances."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cir.errors import InputError
from cir.evaluation import bootstrap
from cir.evaluation.scores import RESAMPLES, Estimate
from cir.metrics import Float64Array, IntArray

N_BINS = 10
ENOUGH = 50
"""Least answers of a bin for `worst_bin`."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers whose chance lies in [low, high), or in [low, 1] for the last bin."""

    low: float
    high: float
    chance: float | None
    """Mean chance; None if there is no answer."""
    accuracy: float | None
    """Share of right answers; None if there is no answer."""
    count: int

    @property
    def gap(self) -> float:
        """Mean chance less the share of right answers."""
        return 0.0 if self.chance is None or self.accuracy is None else self.chance - self.accuracy

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON."""
        return asdict(self)


def reliability_bins(chances: Float64Array, right: Float64Array) -> list[ReliabilityBin]:
    """Sort answers into ten bins of equal width by their chance.

    Args:
        chances: Chances of the answers, in [0, 1], (Q,).
        right: 1 for a right answer, 0 for a wrong one, (Q,).
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
    """Return the bin of 50 answers or more with the largest gap; None if there is none."""
    filled = [one for one in bins if one.count >= ENOUGH]
    return max(filled, key=lambda one: abs(one.gap), default=None)


def expected_calibration_error(
    chances: Float64Array, right: Float64Array, groups: IntArray, *, seed: int = 0
) -> Estimate:
    """Return the expected calibration error (Naeini et al. 2015, Guo et al. 2017).

    It is the distance between mean chance and share of right answers in each of ten bins of equal
    width, averaged over the bins, weighted by their answers. Noise only adds to it, so the interval
    from redrawing whole groups tends to lie too high.

    Args:
        chances: Chances of the answers, in [0, 1], (Q,).
        right: 1 for a right answer, 0 for a wrong one, (Q,).
        groups: Instrument of each answer, (Q,); whole instruments are redrawn.
        seed: Seed of the bootstrap.
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
    """Return the bin of each chance, 0..9, (Q,).

    Raises:
        InputError: There is no chance, some lie outside [0, 1], or the lengths differ.
    """
    if chances.ndim != 1 or not len(chances) or chances.shape != right.shape:
        raise InputError(
            f"Chances of shape {chances.shape} and outcomes of shape {right.shape}; give one of "
            "each for every query, and one query at least."
        )
    if not ((chances >= 0) & (chances <= 1)).all():
        raise InputError("Chances must lie between 0 and 1.")
    return np.minimum((chances * N_BINS).astype(np.int64), N_BINS - 1)
