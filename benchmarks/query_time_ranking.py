"""Ways to compare a query of several windows with instruments of several reference notes.

A row of zeros stands for a missing window or note; all other rows are unit vectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.metrics import IntArray
from cir.types import FloatArray

POOLINGS = ("mean", "best")
MERGINGS = ("mean", "best", "top-2")
CORRECTIONS = ("none", "centred", "centred apart", "hubs", "near hubs")

#: How many queries a candidate is near to decide whether it is a hub, under `near hubs`.
NEAREST = 10

_ABSENT = -np.inf


@dataclass(frozen=True)
class Setting:
    """A way to search."""

    references: int = 1
    """Reference notes of an instrument, at most."""
    pooling: str = "mean"
    """Of an instrument's notes: their mean embedding, or whichever is most similar to the query."""
    hop: float = 0.5
    """From one window over the mixture to the next, in windows."""
    merging: str = "mean"
    """Of the windows: their mean embedding, the most similar one, or the mean of the two best."""
    correction: str = "none"
    """`centred`: the mean reference is taken from queries and references. `centred apart`: from
    queries the mean query of a cohort. `hubs`: from each similarity the candidate's mean similarity
    to queries of the cohort that are not about it. `near hubs`: to the ten nearest of those."""

    def __post_init__(self) -> None:
        for value, allowed in (
            (self.pooling, POOLINGS),
            (self.merging, MERGINGS),
            (self.correction, CORRECTIONS),
        ):
            if value not in allowed:
                raise InputError(f"There is no {value!r} here; choose among {', '.join(allowed)}.")


class Index:
    """Instruments prepared for a setting.

    Args:
        references: (N, K, D), K at least `setting.references`.
        setting: The way to search.
        cohort: Windows of queries, (C, W, D).
        owners: Instrument of each query of the cohort, -1 for none of these, (C,).
    """

    def __init__(
        self, references: FloatArray, setting: Setting, cohort: FloatArray, owners: IntArray
    ) -> None:
        self._setting = setting
        self._references = pool_references(references, setting.references, setting.pooling)
        size = references.shape[-1]
        self._query_centre = np.zeros(size, np.float32)
        self._bias = np.zeros(len(references), np.float32)
        if setting.correction.startswith("centred"):
            centre = _mean(self._references)
            self._references = _move(self._references, centre)
            apart = setting.correction == "centred apart"
            self._query_centre = _mean(merge_windows(cohort, setting.merging)) if apart else centre
        elif setting.correction != "none":
            nearest = NEAREST if setting.correction == "near hubs" else None
            self._bias = hub_bias(self.similarities(cohort), owners, nearest)

    def similarities(self, queries: FloatArray) -> FloatArray:
        """Compare queries, windows (Q, W, D), with all instruments, (Q, N)."""
        merged = merge_windows(queries, self._setting.merging)
        if self._query_centre.any():
            merged = _move(merged, self._query_centre)
        size = merged.shape[-1]
        cosines = (merged.reshape(-1, size) @ self._references.reshape(-1, size).T).reshape(
            *merged.shape[:2], *self._references.shape[:2]
        )  # (Q, W, N, K)
        cosines[..., ~_present(self._references)] = _ABSENT
        of_windows = cosines.max(axis=-1)  # (Q, W, N)
        of_windows[~_present(merged)] = _ABSENT
        count = 2 if self._setting.merging == "top-2" else 1
        return mean_of_best(of_windows, count, axis=1) - self._bias


def pool_references(references: FloatArray, count: int, pooling: str) -> FloatArray:
    """Return the first notes of each instrument, (N, K, D), or their mean, (N, 1 or count, D)."""
    chosen = references[:, :count]
    return _unit(chosen.sum(axis=1, keepdims=True)) if pooling == "mean" else chosen


def merge_windows(queries: FloatArray, merging: str) -> FloatArray:
    """Return the windows of each query, (Q, W, D), or their mean, (Q, 1 or W, D)."""
    return _unit(queries.sum(axis=1, keepdims=True)) if merging == "mean" else queries


def hub_bias(similarities: FloatArray, owners: IntArray, nearest: int | None) -> FloatArray:
    """Return the mean similarity of each candidate to queries for other instruments, (N,).

    Args:
        similarities: Similarities of a cohort of queries, (C, N).
        owners: Right column of each query, -1 for none, (C,).
        nearest: Number of most similar queries that count; None for all.
    """
    others = np.where(
        owners[:, None] == np.arange(similarities.shape[1]), np.float32(_ABSENT), similarities
    )
    return mean_of_best(others, len(others) if nearest is None else nearest, axis=0)


def mean_of_best(values: FloatArray, count: int, axis: int) -> FloatArray:
    """Return the mean of up to `count` highest finite values."""
    best = np.sort(values, axis=axis).take(range(-min(count, values.shape[axis]), 0), axis=axis)
    finite = np.isfinite(best)
    sums = np.where(finite, best, 0.0).sum(axis=axis)
    means: FloatArray = (sums / finite.sum(axis=axis)).astype(np.float32)
    return means


def _present(vectors: FloatArray) -> NDArray[np.bool_]:
    """Return which rows of (..., D) are not missing, (...)."""
    present: NDArray[np.bool_] = np.any(vectors != 0, axis=-1)
    return present


def _mean(vectors: FloatArray) -> FloatArray:
    """Return the mean of the rows of (..., D) that are not missing, (D,)."""
    mean: FloatArray = vectors[_present(vectors)].mean(axis=0)
    return mean


def _move(vectors: FloatArray, centre: FloatArray) -> FloatArray:
    """Subtract `centre` from rows that are not missing, and normalise them."""
    return _unit(np.where(_present(vectors)[..., None], vectors - centre, np.float32(0)))


def _unit(vectors: FloatArray) -> FloatArray:
    """Normalise the rows of (..., D) that are not missing."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: FloatArray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit
