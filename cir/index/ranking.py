"""Embeddings compared in double precision, and the ranking of the candidates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.errors import DatabaseError, InputError
from cir.metrics import target_ranks
from cir.types import FloatArray, Instrument, Match

_CHUNK_ROWS = 256
"""As many rows in double precision fit into a processor's cache."""


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


def cosine_similarities(
    embeddings: FloatArray, query: FloatArray, rows: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Compare one query with many embeddings, in double precision.

    Each row is summed by itself, not by a matrix product: equal rows get equal similarities to the
    last bit wherever they stand, so that ties are ties and a filter changes no figure.

    Args:
        embeddings: (N, D), unit norm.
        query: (D,), unit norm.
        rows: Which embeddings to compare, (M,); None for all.

    Returns:
        (M,) or (N,), within rounding of [-1, 1].
    """
    wide = query.astype(np.float64)
    similarities = np.empty(len(embeddings) if rows is None else len(rows), dtype=np.float64)
    for start in range(0, len(similarities), _CHUNK_ROWS):
        chunk = slice(start, start + _CHUNK_ROWS)
        compared = embeddings[chunk] if rows is None else embeddings[rows[chunk]]
        similarities[chunk] = np.vecdot(compared.astype(np.float64), wide)
    return similarities


def best_rows(
    similarities: NDArray[np.float64], top_k: int, id_of: Callable[[int], str]
) -> list[int]:
    """Return the positions of the `top_k` most similar, best first.

    Equal similarities are in order of id; what is no number comes last.

    Args:
        similarities: (N,).
        top_k: At least 1.
        id_of: Gives the instrument id at a position.
    """
    distances = np.where(np.isnan(similarities), np.inf, -similarities)
    if top_k < len(distances):
        limit = np.partition(distances, top_k - 1)[top_k - 1]
        positions = np.flatnonzero(distances <= limit).tolist()
    else:
        positions = list(range(len(distances)))
    return sorted(positions, key=lambda row: (distances[row], id_of(row)))[:top_k]


class Shelf(Protocol):
    """Where a ranking takes instruments and their sounds from, such as a `Bundle`."""

    @property
    def catalog(self) -> Sequence[Instrument]:
        """The instruments."""

    @property
    def embeddings(self) -> FloatArray:
        """Their embeddings, (N, D)."""

    @property
    def descriptors(self) -> FloatArray | None:
        """How they sound, (N, 3), see `cir.index.descriptors`; None where nothing was measured."""

    def sounds_of(self, instrument_id: str) -> tuple[Path | None, Path | None]:
        """Return an instrument's preview and phrase, each where there is one."""


@dataclass(frozen=True, eq=False)
class Shortlist:
    """The instruments that an index found."""

    catalog: Sequence[Instrument]
    embeddings: FloatArray
    sounds_of: Callable[[str], tuple[Path | None, Path | None]]
    descriptors: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Ranking:
    """The candidates of one query, and how near each is to it.

    `top` lists equal scores in order of id. `rank_of` counts them against the instrument that is
    asked for, as every accuracy of an evaluation does (`cir.metrics.target_ranks`).
    """

    bundle: Shelf
    rows: NDArray[np.intp]
    """Places on the shelf of the candidates, (N,)."""
    scores: NDArray[np.float64]
    """Cosine similarity of each candidate, in double precision, (N,)."""
    is_complete: bool = True
    """Whether these are all candidates, or only those that an index found."""

    def __len__(self) -> int:
        return len(self.rows)

    def top(self, k: int) -> list[Match]:
        """Return the `k` best matches, or all candidates where there are fewer.

        Raises:
            InputError: `k` is not a whole number of at least 1.
        """
        if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
            raise InputError(f"top_k must be a whole number of at least 1, not {k!r}.")
        best = best_rows(self.scores, int(k), self._id)
        return [self._match(position, rank) for rank, position in enumerate(best, start=1)]

    def top_embeddings(self, k: int) -> dict[str, FloatArray]:
        """Return the embeddings of the `k` best matches by id, (D,) each."""
        best = best_rows(self.scores, k, self._id)
        return {self._id(one): self.bundle.embeddings[self.rows[one]] for one in best}

    def best(self) -> Match | None:
        """Return the first match, if there is a candidate."""
        return next(iter(self.top(1)), None)

    def rank_of(self, instrument_id: str) -> int:
        """Return the rank of a candidate, from 1, behind all that equal it.

        Raises:
            InputError: The instrument is no candidate.
        """
        return int(target_ranks(self.scores[None], [self._position(instrument_id)])[0])

    def match_of(self, instrument_id: str) -> Match:
        """Return a candidate with its rank, see `rank_of`."""
        return self._match(self._position(instrument_id), self.rank_of(instrument_id))

    def only(self, keep: Callable[[Instrument], bool]) -> "Ranking":
        """Return the ranking of those candidates that `keep` accepts."""
        kept = np.array(
            [keep(self._instrument(position)) for position in range(len(self))], dtype=bool
        )
        return Ranking(self.bundle, self.rows[kept], self.scores[kept], self.is_complete)

    def _instrument(self, position: int) -> Instrument:
        return self.bundle.catalog[int(self.rows[position])]

    def _id(self, position: int) -> str:
        return self._instrument(position).instrument_id

    def _position(self, instrument_id: str) -> int:
        for position in range(len(self)):
            if self._id(position) == instrument_id:
                return position
        raise InputError(f"{instrument_id!r} is none of the {len(self)} candidates of this search.")

    def _match(self, position: int, rank: int) -> Match:
        instrument = self._instrument(position)
        preview, phrase = self.bundle.sounds_of(instrument.instrument_id)
        return Match(rank, float(self.scores[position]), instrument, preview, phrase=phrase)
