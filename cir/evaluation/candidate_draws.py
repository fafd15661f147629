"""Queries against random subsets of their candidates, as in a smaller database."""

import numpy as np

from cir.metrics import Float64Array, IntArray, target_ranks
from cir.types import FloatArray


def draw_candidates(
    similarities: FloatArray | Float64Array,
    count: int,
    generator: np.random.Generator,
    *,
    keep: IntArray | None = None,
    drop: IntArray | None = None,
) -> tuple[Float64Array, IntArray]:
    """Draw candidates for each query and rank them.

    Args:
        similarities: (Q, N).
        count: Number of candidates to draw, all of them if there are fewer.
        generator: Random generator.
        keep: Column of each query that is always drawn, (Q,).
        drop: Column of each query that is never drawn, (Q,).

    Returns:
        Similarities, best first, (Q, min(count, N or N - 1)), and the place of `keep` among them,
        from 0, ties counted against it, (Q,); zeros without `keep`.
    """
    queries = np.arange(len(similarities))
    keys = generator.random(similarities.shape)  # the smallest are drawn
    if keep is not None:
        keys[queries, keep] = -1.0
    if drop is not None:
        keys[queries, drop] = 2.0
    size = min(count, similarities.shape[1] - (drop is not None))
    columns = np.argsort(keys, axis=1)[:, :size]
    drawn = np.take_along_axis(similarities, columns, axis=1).astype(np.float64)
    order = np.argsort(-drawn, axis=1, kind="stable")
    ranked = np.take_along_axis(drawn, order, axis=1)
    if keep is None:
        return ranked, np.zeros(len(queries), dtype=np.int64)
    kept = (columns == keep[:, None]).argmax(axis=1)
    return ranked, target_ranks(drawn, kept) - 1
