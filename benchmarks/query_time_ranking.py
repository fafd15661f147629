"""Ways to compare a query of several windows with instruments of several reference notes.

Everywhere a row of zeros stands for a window or a note that is not there; all others are unit
vectors.
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
    """How to search."""

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
    """Instruments, ready to be searched in one setting.

    Args:
        references: (N, K, D), K at least `setting.references`.
        setting: How.
        cohort: Windows of queries, (C, W, D).
        owners: The instrument that each of the cohort is about, -1 for none of these, (C,).
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
    """The first notes of each instrument, (N, K, D), as they are or as one, (N, 1 or count, D)."""
    chosen = references[:, :count]
    return _unit(chosen.sum(axis=1, keepdims=True)) if pooling == "mean" else chosen


def merge_windows(queries: FloatArray, merging: str) -> FloatArray:
    """The windows of each query, (Q, W, D), as they are or as one, (Q, 1 or W, D)."""
    return _unit(queries.sum(axis=1, keepdims=True)) if merging == "mean" else queries


def hub_bias(similarities: FloatArray, owners: IntArray, nearest: int | None) -> FloatArray:
    """How similar each candidate is to queries that are not about it, (N,).

    Args:
        similarities: Of a cohort of queries, (C, N).
        owners: The column that each query is about, -1 for none, (C,).
        nearest: Only so many most similar ones count; None for all.
    """
    others = np.where(
        owners[:, None] == np.arange(similarities.shape[1]), np.float32(_ABSENT), similarities
    )
    return mean_of_best(others, len(others) if nearest is None else nearest, axis=0)


def mean_of_best(values: FloatArray, count: int, axis: int) -> FloatArray:
    """Mean of the `count` highest finite values, or of those that there are."""
    best = np.sort(values, axis=axis).take(range(-min(count, values.shape[axis]), 0), axis=axis)
    finite = np.isfinite(best)
    sums = np.where(finite, best, 0.0).sum(axis=axis)
    means: FloatArray = (sums / finite.sum(axis=axis)).astype(np.float32)
    return means


def _present(vectors: FloatArray) -> NDArray[np.bool_]:
    """Which rows of (..., D) are there, (...)."""
    present: NDArray[np.bool_] = np.any(vectors != 0, axis=-1)
    return present


def _mean(vectors: FloatArray) -> FloatArray:
    """Mean of the rows of (..., D) that are there, (D,)."""
    mean: FloatArray = vectors[_present(vectors)].mean(axis=0)
    return mean


def _move(vectors: FloatArray, centre: FloatArray) -> FloatArray:
    """Take `centre` from the rows that are there and bring them back to unit norm."""
    return _unit(np.where(_present(vectors)[..., None], vectors - centre, np.float32(0)))


def _unit(vectors: FloatArray) -> FloatArray:
    """Unit norm for the rows of (..., D) that are there."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: FloatArray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit
