"""Sounds without a family: which family they sound like, and where they are searched."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cir.index.database import InstrumentDatabase

_NEIGHBOURS = 10
_CHUNK = 500
LEAST_SHARE = 0.6
"""Least share of the neighbours, weighted by similarity, that must be of one family. Of 223
instruments of the valid splits of Surge and Surge XT, compared with those of other banks, 35 % got
a guess, and 82 % of the guesses were right (test splits: 37 and 78 %)."""
LEAST_SIMILARITY = 0.3
"""Least mean similarity of the neighbours; all of those instruments' have more."""


def guess_families(
    database: InstrumentDatabase, known: InstrumentDatabase
) -> dict[str, str | None]:
    """Guess the family of each instrument without one from its nearest neighbours.

    Args:
        database: The database whose instruments are guessed.
        known: A database with instruments of all families. Its own instruments without a family,
            and copies of them, have none on purpose and are left out. If another model made it,
            all guesses are None.

    Returns:
        The family by id, None where the neighbours disagree; such a sound may be of any family.
    """
    kept = set(known.instruments())
    embeddings, instruments = database.embeddings()[1], database.instruments()
    rows = [row for row in database.rows_of(None).tolist() if instruments[row] not in kept]
    if known.identity != database.identity:
        return dict.fromkeys(instruments[row].instrument_id for row in rows)
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
            guesses[instruments[row].instrument_id] = _agreed(votes) if near_enough else None
    return guesses


def _agreed(votes: Mapping[str | None, float]) -> str | None:
    """Return the family with most votes, or None if its share is too small."""
    family = max(votes, key=lambda one: votes[one], default=None)
    return family if 0 < LEAST_SHARE * sum(votes.values()) <= votes[family] else None


def rows_of_family(
    database: InstrumentDatabase, guesses: Mapping[str, str | None], family: str
) -> NDArray[np.intp]:
    """Return the rows of a family, and those of sounds that are guessed to be of it or unclear."""
    instruments = database.instruments()
    unsorted = [
        row
        for row in database.rows_of(None).tolist()
        if guesses.get(instruments[row].instrument_id, "") in (family, None)
    ]
    return np.union1d(database.rows_of(family), np.array(unsorted, np.intp))
