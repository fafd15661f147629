"""Area under the ROC curve, with a bootstrap over instruments."""

import numpy as np

from cir.errors import InputError
from cir.evaluation import bootstrap
from cir.evaluation.scores import RESAMPLES, Estimate
from cir.metrics import Float64Array, IntArray


def auroc(
    positives: Float64Array,
    negatives: Float64Array,
    positive_groups: IntArray,
    negative_groups: IntArray,
    *,
    seed: int = 0,
) -> Estimate:
    """Return the share of pairs in which the positive's score is above the negative's.

    A tie counts half. The interval comes from redrawing whole groups, positives and negatives
    together; a resample without one of the two counts as 0.5.

    Args:
        positives: Scores, (P,).
        negatives: Scores, (N,).
        positive_groups: Instrument of each positive, from 0, (P,).
        negative_groups: Instrument of each negative, (N,).
        seed: Seed of the bootstrap.

    Raises:
        InputError: There are no positives or no negatives, or a score is not finite.
    """
    if not len(positives) or not len(negatives):
        raise InputError(
            f"{len(positives)} positives and {len(negatives)} negatives; both kinds are needed."
        )
    if not (np.isfinite(positives).all() and np.isfinite(negatives).all()):
        raise InputError("Some scores are NaN or infinite; every score must be finite.")
    n_groups = int(max(positive_groups.max(), negative_groups.max())) + 1
    won = np.zeros((n_groups, n_groups))  # of the pairs of two groups
    for group in range(n_groups):
        theirs = np.sort(negatives[negative_groups == group])
        below = [np.searchsorted(theirs, positives, side) for side in ("left", "right")]
        won[:, group] = np.bincount(positive_groups, np.mean(below, axis=0), n_groups)
    sizes = [np.bincount(one, minlength=n_groups) for one in (positive_groups, negative_groups)]

    def areas(counts: IntArray) -> Float64Array:
        """(B,), for how often each group counts, (B, G)."""
        pairs = (counts @ sizes[0]) * (counts @ sizes[1])
        shares: Float64Array = np.full(len(counts), 0.5)
        np.divide(((counts @ won) * counts).sum(1), pairs, out=shares, where=pairs > 0)
        return shares

    value = float(areas(np.ones((1, n_groups), np.int64))[0])
    if n_groups == 1:
        return Estimate(value, 0.5, None)
    counts = bootstrap.draw_counts(n_groups, RESAMPLES, np.random.default_rng(seed))
    return Estimate(value, 0.5, areas(counts))
