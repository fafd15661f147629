"""More like these, less like those: searches with sounds or instruments as examples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.filters import ANY, Filters
from cir.retrieval.answers import group_near_duplicates
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Match

UNLIKE_WEIGHT = 0.5
"""Weight of what it shall not be like (Rocchio 1971 and many after it take less than 1)."""


def similar(
    database: InstrumentDatabase,
    likes: FloatArray,
    unlikes: FloatArray | None = None,
    top_k: int = 5,
    family: str | None = None,
    *,
    filters: Filters = ANY,
    without: Sequence[str] = (),
    gather: bool = False,
) -> list[Match]:
    """Find instruments that are like some examples, and unlike others.

    Args:
        database: Where.
        likes: Embeddings, (P, D), at least one: several are a style, their mean direction.
        unlikes: Embeddings, (M, D).
        top_k: How many.
        family: Only this family.
        filters: Only these.
        without: Ids that are left out, such as those of the examples.
        gather: Whether to leave out near-duplicates of better matches.

    Raises:
        InputError: There is no example, the examples cancel out, or an argument is out of range.
    """
    query = combine(likes, unlikes)
    left_out = set(without)
    count = top_k + len(left_out)
    while True:
        ranking = database.ranking(
            query,
            family,
            bank=filters.bank,
            source=filters.source,
            words=filters.text,
            best=count,
        )
        best = ranking.top(count)
        found = [one for one in best if one.instrument.instrument_id not in left_out]
        if gather:
            rows = ranking.top_embeddings(count)
            found = [one.match for one in group_near_duplicates(found, rows.__getitem__)]
        if len(found) >= top_k or len(best) < count:
            return found[:top_k]
        count *= 2


def combine(likes: FloatArray, unlikes: FloatArray | None = None) -> FloatArray:
    """Return one query for examples: their mean less half of the mean of what it is to be unlike.

    Raises:
        InputError: There is no example, or the examples cancel out.
    """
    if not len(likes):
        raise InputError("Name at least one sound or instrument that the matches shall be like.")
    query = likes.astype(np.float64).mean(axis=0)
    if unlikes is not None and len(unlikes):
        query -= UNLIKE_WEIGHT * unlikes.astype(np.float64).mean(axis=0)
    norm = np.linalg.norm(query)
    if norm < 1e-6:
        raise InputError("The examples cancel each other out; leave one of them out.")
    return np.asarray(query / norm, np.float32)


def embed_examples(
    examples: Sequence[str], encoder: Encoder, database: InstrumentDatabase
) -> FloatArray:
    """Return the embeddings of sound files and of instruments by id, (P, D), in order.

    Raises:
        InputError: An example is neither a file nor an instrument of the database, or cannot be
            read.
    """
    rows: dict[int, FloatArray] = {}
    sounds: dict[int, FloatArray] = {}
    for place, example in enumerate(examples):
        if Path(example).is_file():
            sounds[place] = load_audio(example, sample_rate=SAMPLE_RATE)[0]
            continue
        try:
            rows[place] = database.embedding_of(example)
        except InputError:
            raise InputError(
                f"{example!r} is neither a sound file nor the id of an instrument of "
                f"{database.location}."
            ) from None
    if sounds:
        rows |= zip(sounds, encoder.embed(list(sounds.values()), SAMPLE_RATE), strict=True)
    found = [rows[place] for place in range(len(examples))]
    return np.stack(found) if found else np.empty((0, database.dimension), np.float32)
