"""Exact nearest neighbours by cosine similarity: the oracle every faster search must equal."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cir.types import FloatArray

SHORTLIST_MARGIN = 1e-4
"""Far above what single precision loses on a dot product of two unit vectors (about 1e-6)."""

_CHUNK_ROWS = 4096


def cosine_similarities(embeddings: FloatArray, query: FloatArray) -> NDArray[np.float64]:
    """Compare one query with many embeddings, in double precision.

    Rows are summed one by one, not by a matrix product: equal rows get equal similarities to the
    last bit wherever they stand, so that ties are ties, and so that a filter changes no figure.

    Args:
        embeddings: (N, D), unit norm.
        query: (D,), unit norm.

    Returns:
        (N,), within rounding of [-1, 1].
    """
    wide = query.astype(np.float64)
    similarities = np.empty(len(embeddings), dtype=np.float64)
    for start in range(0, len(embeddings), _CHUNK_ROWS):
        rows = embeddings[start : start + _CHUNK_ROWS]
        similarities[start : start + len(rows)] = np.sum(rows * wide, axis=1)
    return similarities


def rank(
    ids: Sequence[str], similarities: NDArray[np.float64], top_k: int
) -> list[tuple[str, float]]:
    """Return the `top_k` most similar as (id, similarity), best first, ties in order of id."""
    order = sorted(range(len(ids)), key=lambda row: (-similarities[row], ids[row]))
    return [(ids[row], float(similarities[row])) for row in order[:top_k]]


def shortlist(approximate: NDArray[np.floating], top_k: int) -> NDArray[np.intp]:
    """Pick every row that can be among the `top_k` once rounding is taken away.

    Args:
        approximate: similarities in single precision, (N,), each within half of
            `SHORTLIST_MARGIN` of the true one.
        top_k: how many are wanted.

    Returns:
        Row numbers, at least min(N, top_k) of them.
    """
    if len(approximate) <= top_k:
        return np.arange(len(approximate))
    threshold = np.partition(approximate, -top_k)[-top_k] - SHORTLIST_MARGIN
    return np.flatnonzero(approximate >= threshold)


def exact_search(
    ids: Sequence[str], embeddings: FloatArray, query: FloatArray, top_k: int
) -> list[tuple[str, float]]:
    """Search by comparing with every row.

    Args:
        ids: N names, parallel to `embeddings`.
        embeddings: (N, D), unit norm.
        query: (D,), unit norm.
        top_k: how many to return at most.
    """
    return rank(ids, cosine_similarities(embeddings, query), top_k)
