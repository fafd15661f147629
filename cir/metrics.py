"""Metrics of retrieval: ranks, accuracies, and their values for a random ranking."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.types import FloatArray

IntArray: TypeAlias = NDArray[np.int64]
Float64Array: TypeAlias = NDArray[np.float64]

TIE_TOLERANCE = 1e-6
"""Cosines of unit float32 vectors have at most this much rounding error; closer ones are a tie."""


def target_ranks(
    similarities: FloatArray | Float64Array, targets: IntArray | Sequence[int]
) -> IntArray:
    """Return the rank of each query's target among all candidates.

    A tie counts against the target, so the rank depends neither on the order of the candidates nor
    on rounding, and an encoder that maps everything to one point is last. NaN counts as a tie,
    whether it is the target's similarity or another's: a network that diverged finds nothing.

    Args:
        similarities: Higher is nearer, (Q, N).
        targets: Column of the right candidate of each query, (Q,), in 0..N-1.

    Returns:
        Ranks from 1 to N, (Q,).

    Raises:
        InputError: The shapes do not match, or a target is no column.
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
    """Return 1 where the target is among the first `k`, else 0, (Q,)."""
    return (ranks <= k).astype(np.float64)


def reciprocal_ranks(ranks: IntArray) -> Float64Array:
    """Return 1 / rank, (Q,); its mean is the MRR."""
    return 1.0 / ranks


def top_k_accuracy(ranks: IntArray, k: int) -> float:
    """Return the share of queries whose target is among the first `k`, in [0, 1]."""
    return float(hits(ranks, k).mean())


def mean_reciprocal_rank(ranks: IntArray) -> float:
    """Return the mean of 1 / rank, in (0, 1]."""
    return float(reciprocal_ranks(ranks).mean())


def accuracies(ranks: IntArray) -> dict[str, float]:
    """Return `top_1`, `top_5` and `mrr` of ranks, (Q,)."""
    return {
        "top_1": top_k_accuracy(ranks, 1),
        "top_5": top_k_accuracy(ranks, 5),
        "mrr": mean_reciprocal_rank(ranks),
    }


def median_rank(ranks: IntArray) -> float:
    """Return the median rank; the mean of the two middle ranks if their number is even."""
    return float(np.median(ranks))


def chance_top_k(candidates: int, k: int) -> float:
    """Return the expected top-k accuracy of a random ranking."""
    return min(k, candidates) / candidates


def chance_mean_reciprocal_rank(candidates: int) -> float:
    """Return the expected 1 / rank of a random ranking: the harmonic number H_N over N."""
    return float((1.0 / np.arange(1, candidates + 1)).mean())


def chance_median_rank(candidates: int) -> float:
    """Return the median rank of a random ranking."""
    return (candidates + 1) / 2
