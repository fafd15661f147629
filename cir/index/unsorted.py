"""Sounds that say no family: what family they sound like, and where they are searched."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.index.database import InstrumentDatabase
from cir.index.exact import cosine_similarities
from cir.index.vectors import check_query

_NEIGHBOURS = 10
_CHUNK = 500
LEAST_SHARE = 0.6
"""Of the neighbours, by similarity, that must be of one family. Of 223 instruments of the valid
splits of Surge and Surge XT, compared with those of other banks, 35 % got a guess, and 82 % of the
guesses were right (test splits: 37 and 78 %)."""
LEAST_SIMILARITY = 0.3
"""That the neighbours must have on average; all of those instruments' have more."""


def guess_families(
    database: InstrumentDatabase, known: InstrumentDatabase
) -> dict[str, str | None]:
    """Guess what family each instrument without one is of, from its nearest neighbours.

    Args:
        database: Whose instruments are guessed at.
        known: Has instruments of all families. Its own instruments, and copies of them, are of no
            family on purpose: they are left out. Where it is of another model, nothing is guessed.

    Returns:
        By id, None where the neighbours do not agree; such a sound may be of any family.
    """
    kept = set(known.instruments())
    ids, embeddings = database.embeddings()
    rows = [
        row
        for row, one in enumerate(database.instruments())
        if one.family is None and one not in kept
    ]
    if known.identity != database.identity:
        return dict.fromkeys(ids[row] for row in rows)
    families = [one.family for one in known.instruments()]
    named = [row for row, family in enumerate(families) if family is not None]
    references = known.embeddings()[1][named]
    guesses: dict[str, str | None] = {}
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        similarities = embeddings[chunk] @ references.T
        nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :_NEIGHBOURS]
        for row, near, own in zip(chunk, nearest, similarities, strict=True):
            votes: dict[str | None, float] = defaultdict(float)
            for one in near:
                votes[families[named[one]]] += max(0.0, float(own[one]))
            near_enough = sum(votes.values()) >= LEAST_SIMILARITY * len(near)
            guesses[ids[row]] = _agreed(votes) if near_enough else None
    return guesses


def _agreed(votes: Mapping[str | None, float]) -> str | None:
    """The family that most are for, where enough of them are."""
    family = max(votes, key=lambda one: votes[one], default=None)
    return family if 0 < LEAST_SHARE * sum(votes.values()) <= votes[family] else None


def rows_of_family(
    database: InstrumentDatabase, guesses: Mapping[str, str | None], family: str
) -> list[int]:
    """Rows that are of a family, sound like it, or may be of any."""
    return [
        row
        for row, one in enumerate(database.instruments())
        if one.family == family
        or (one.family is None and guesses.get(one.instrument_id, "") in (family, None))
    ]


def compare_with_family(
    database: InstrumentDatabase,
    guesses: Mapping[str, str | None],
    family: str,
    embedding: ArrayLike,
    *,
    bank: str | None = None,
    source: str | None = None,
) -> tuple[list[int], NDArray[np.float64]]:
    """Compare a mixture's query with the instruments of a family and those that may be of it.

    Args:
        database: whose instruments are compared.
        guesses: of its instruments without a family; empty where these are not to be found.
        family: of the query.
        embedding: the query, (D,).
        bank: only instruments of this bank.
        source: only instruments of this source.

    Returns:
        Rows of `database.instruments`, and what a search ranks them by, (N,).
    """
    instruments = database.instruments()
    rows = [
        row
        for row in rows_of_family(database, guesses, family)
        if bank in (None, instruments[row].bank) and source in (None, instruments[row].source)
    ]
    if not guesses:
        return rows, database.similarities(
            embedding, family, bank=bank, source=source, of_mixture=True
        )
    embeddings = database.embeddings()[1][rows]
    similarities = cosine_similarities(embeddings, check_query(embedding, embeddings.shape[1]))
    if database.hubs is not None:
        ids = [instruments[row].instrument_id for row in rows]
        similarities -= database.hubs.bias(embeddings, ids, family)
    return rows, similarities
