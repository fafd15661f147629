"""How well a ranking finds what it should: ranks, accuracies, and what chance alone would give."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.types import FloatArray

IntArray: TypeAlias = NDArray[np.int64]
Float64Array: TypeAlias = NDArray[np.float64]

#: Cosines of unit float32 vectors carry this much rounding noise; closer ones are a tie.
TIE_TOLERANCE = 1e-6


def target_ranks(
    similarities: FloatArray | Float64Array, targets: IntArray | Sequence[int]
) -> IntArray:
    """Rank of each query's target among all candidates.

    A tie counts against the target, so the rank depends neither on the order of the candidates nor
    on rounding, and an encoder that maps everything to one point comes last, not first by luck. So
    does what is no number, be it the target's similarity or another's: a network that diverged
    finds nothing.

    Args:
        similarities: Higher is nearer, (Q, N).
        targets: Column of the right candidate of each query, (Q,), each in 0..N-1.

    Returns:
        Ranks from 1 to N, (Q,).

    Raises:
        InputError: Shapes do not agree, or a target is no column.
    """
    columns = np.asarray(targets, dtype=np.int64)
    if similarities.ndim != 2 or columns.shape != similarities.shape[:1]:
        raise InputError(
            f"Similarities of shape {similarities.shape} and targets of shape {columns.shape} "
            "do not agree; give (queries, candidates) and (queries,)."
        )
    if columns.size and (columns.min() < 0 or columns.max() >= similarities.shape[1]):
        raise InputError(
            f"Targets lie between {columns.min()} and {columns.max()}: each must be one of the "
            f"{similarities.shape[1]} candidates, counted from 0."
        )
    of_target: FloatArray | Float64Array = similarities[np.arange(len(columns)), columns]
    below = similarities < (of_target - np.float32(TIE_TOLERANCE))[:, None]  # (Q, N)
    return np.asarray(np.count_nonzero(~below, axis=1), dtype=np.int64)


def hits(ranks: IntArray, k: int) -> Float64Array:
    """1 where the target is among the first `k`, else 0, (Q,)."""
    return (ranks <= k).astype(np.float64)


def reciprocal_ranks(ranks: IntArray) -> Float64Array:
    """1 / rank, (Q,); their mean is the MRR."""
    return 1.0 / ranks


def top_k_accuracy(ranks: IntArray, k: int) -> float:
    """Share of queries whose target is among the first `k`, in [0, 1]."""
    return float(hits(ranks, k).mean())


def mean_reciprocal_rank(ranks: IntArray) -> float:
    """Mean of 1 / rank, in (0, 1]."""
    return float(reciprocal_ranks(ranks).mean())


def median_rank(ranks: IntArray) -> float:
    """Median rank, from 1; halfway between the two middle ones where their number is even."""
    return float(np.median(ranks))


def chance_top_k(candidates: int, k: int) -> float:
    """Top-k accuracy of a ranking drawn at random."""
    return min(k, candidates) / candidates


def chance_mean_reciprocal_rank(candidates: int) -> float:
    """Expected 1 / rank of a ranking drawn at random: the harmonic number H_N over N."""
    return float((1.0 / np.arange(1, candidates + 1)).mean())


def chance_median_rank(candidates: int) -> float:
    """Median rank of a ranking drawn at random."""
    return (candidates + 1) / 2
