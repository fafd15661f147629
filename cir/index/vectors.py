"""Checks of embeddings that come from outside, and the mean of several notes' embeddings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from cir.errors import DatabaseError, InputError
from cir.types import FloatArray


def check_embeddings(embeddings: ArrayLike, dimension: int) -> FloatArray:
    """Return embeddings as float32 of unit norm, (N, D).

    Args:
        embeddings: (N, D), any scale.
        dimension: The required D.

    Raises:
        DatabaseError: They have another D, so another model made them.
        InputError: They are not numbers of shape (N, D), or hold NaN, infinity or a zero vector.
    """
    try:
        array = np.asarray(embeddings, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("Embeddings must be numbers in an array of shape (N, D).") from None
    if array.ndim != 2:
        raise InputError(f"Embeddings must have shape (N, D), not {array.shape}.")
    if array.shape[1] != dimension:
        raise DatabaseError(
            f"The embeddings have {array.shape[1]} dimensions, this database has {dimension}: "
            "use the model that made the database."
        )
    if not np.isfinite(array).all():
        raise InputError("Embeddings must be finite; some hold NaN or infinity.")
    norms = np.linalg.norm(array, axis=1, keepdims=True)
    if (norms == 0).any():
        raise InputError("A zero vector has no direction to compare; embed a sound instead.")
    return np.asarray(array / norms, dtype=np.float32)


def check_query(embedding: ArrayLike, dimension: int) -> FloatArray:
    """Return one embedding as float32 of unit norm, (D,); raises as `check_embeddings` does."""
    array = np.asarray(embedding)
    if array.ndim != 1:
        raise InputError(f"A query is one embedding of shape (D,), not {array.shape}.")
    return np.asarray(check_embeddings(array[np.newaxis], dimension)[0])


def average_notes(embeddings: FloatArray, counts: Sequence[int]) -> FloatArray:
    """Return one embedding per instrument, the direction of the mean of its notes', (N, D).

    Args:
        embeddings: Of the notes of one instrument after the other, unit norm, (M, D).
        counts: How many notes each instrument has, at least 1 each and M in all, N.
    """
    if max(counts, default=1) == 1:
        return embeddings
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(embeddings, starts, axis=0)
    average: FloatArray = sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(min=1e-12)
    return average
