"""How well a score tells two kinds of queries apart."""

import numpy as np

from cir.errors import InputError
from cir.evaluation import bootstrap
from cir.evaluation.scores import RESAMPLES, Estimate
from cir.metrics import Float64Array, IntArray

_CHUNK_ELEMENTS = 4_000_000


def auroc(
    positives: Float64Array,
    negatives: Float64Array,
    positive_groups: IntArray,
    negative_groups: IntArray,
    *,
    seed: int = 0,
) -> Estimate:
    """Area under the ROC curve: how often a positive's score is above a negative's.

    A tie counts half. The interval comes from redrawing whole groups, positives and negatives of
    a group together; a resample that has none of one kind counts as 0.5.

    Args:
        positives: Scores, (P,).
        negatives: Scores, (N,).
        positive_groups: Instrument of each positive, from 0, (P,).
        negative_groups: Instrument of each negative, numbered alike, (N,).
        seed: Of the bootstrap.

    Raises:
        InputError: One kind is missing, or a score is not finite.
    """
    if not len(positives) or not len(negatives):
        raise InputError(
            f"{len(positives)} positives and {len(negatives)} negatives; both kinds are needed."
        )
    scores = np.concatenate([positives, negatives])
    if not np.isfinite(scores).all():
        raise InputError("Some scores are NaN or infinite; every score must be finite.")
    groups = np.concatenate([positive_groups, negative_groups])
    is_positive = np.arange(len(scores)) < len(positives)
    levels, level = np.unique(scores, return_inverse=True)
    n_groups, n_levels = int(groups.max()) + 1, len(levels)

    def areas(counts: Float64Array) -> Float64Array:
        """(B,) of how often each group counts, (B, G)."""
        weights = counts[:, groups]  # (B, Q)
        above = np.zeros((len(counts), n_levels))
        below = np.zeros((len(counts), n_levels))
        for row in range(len(counts)):
            above[row] = np.bincount(level, weights[row] * is_positive, minlength=n_levels)
            below[row] = np.bincount(level, weights[row] * ~is_positive, minlength=n_levels)
        beaten = below.cumsum(1) - 0.5 * below
        pairs = above.sum(1) * below.sum(1)
        won = (above * beaten).sum(1)
        shares: Float64Array = np.full(len(counts), 0.5)
        np.divide(won, pairs, out=shares, where=pairs > 0)
        return shares

    value = float(areas(np.ones((1, n_groups)))[0])
    if n_groups == 1:
        return Estimate(value, 0.5, None)
    counts = bootstrap.draw_counts(n_groups, RESAMPLES, np.random.default_rng(seed))
    step = max(1, _CHUNK_ELEMENTS // len(scores))
    replicates = [
        areas(counts[start : start + step].astype(np.float64))
        for start in range(0, RESAMPLES, step)
    ]
    return Estimate(value, 0.5, np.concatenate(replicates))
