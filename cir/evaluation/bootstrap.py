"""Percentile cluster bootstrap: how much a figure depends on the choice of test instruments.

Queries of one instrument are correlated, so whole instruments are redrawn: resampling the 500
mixtures of eleven percussion instruments one by one would make the interval far too narrow.
"""

from collections.abc import Sequence

import numpy as np

from cir.errors import InputError
from cir.metrics import Float64Array, IntArray

_CHUNK_ELEMENTS = 4_000_000
"""Upper bound on the elements of a temporary array of `resampled_medians`."""


def draw_counts(groups: int, resamples: int, generator: np.random.Generator) -> IntArray:
    """Count each group in each resample of `groups` draws with replacement, (B, G)."""
    if groups < 1 or resamples < 1:
        raise InputError(
            f"Cannot resample {groups} groups {resamples} times; both must be at least 1."
        )
    draws = generator.integers(0, groups, size=(resamples, groups))
    flat = draws + np.arange(resamples)[:, None] * groups
    return np.bincount(flat.ravel(), minlength=resamples * groups).reshape(resamples, groups)


def group_numbers(labels: Sequence[str]) -> IntArray:
    """Number the distinct labels from 0 in sorted order, (Q,)."""
    _, numbers = np.unique(np.asarray(labels), return_inverse=True)
    return numbers.astype(np.int64)


def resampled_means(values: Float64Array, groups: IntArray, counts: IntArray) -> Float64Array:
    """Return the mean of the values of each resample, (B,).

    Args:
        values: One per query, (Q,).
        groups: Group of each query, 0..G-1, (Q,).
        counts: Result of `draw_counts`, (B, G).
    """
    n_groups = counts.shape[1]
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    sizes = np.bincount(groups, minlength=n_groups)
    means: Float64Array = (counts @ sums) / (counts @ sizes)
    return means


def resampled_medians(values: Float64Array, groups: IntArray, counts: IntArray) -> Float64Array:
    """Return the median of the values of each resample, (B,); see `resampled_means`."""
    order = np.argsort(values, kind="stable")
    ordered, ordered_groups = values[order], groups[order]
    medians = np.empty(len(counts), dtype=np.float64)
    step = max(1, _CHUNK_ELEMENTS // max(1, len(values)))
    for start in range(0, len(counts), step):
        seen = np.cumsum(counts[start : start + step, ordered_groups], axis=1)  # (b, Q)
        total = seen[:, -1:]
        lower = (seen >= (total + 1) // 2).argmax(axis=1)
        upper = (seen >= total // 2 + 1).argmax(axis=1)
        medians[start : start + step] = (ordered[lower] + ordered[upper]) / 2
    return medians


def percentile_interval(replicates: Float64Array, level: float = 0.95) -> tuple[float, float]:
    """Return the interval that holds the middle `level` of the replicates."""
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(replicates, [tail, 100.0 - tail])
    return float(low), float(high)
