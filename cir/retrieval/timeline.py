"""Which instrument is where in a long mix: each window's own answer, beside that of the whole."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cir.index.database import InstrumentDatabase
from cir.index.unsorted import compare_with_family
from cir.retrieval.windows import WindowEmbeddings
from cir.types import FloatArray, Instrument


@dataclass(frozen=True)
class TimelineCell:
    """One window of a mix, as one family's query heard it."""

    start_seconds: float
    end_seconds: float
    similarity: float
    """Cosine of the window's own embedding to the instrument that the whole mix found."""
    best: Instrument
    """What this window alone would have found."""
    best_similarity: float
    """Of `best`, as `InstrumentDatabase.search` gives it to this window's embedding."""


def build_timeline(
    windows: WindowEmbeddings,
    database: InstrumentDatabase,
    found: Mapping[str, str],
    *,
    guesses: Mapping[str, str | None] | None = None,
    bank: str | None = None,
    source: str | None = None,
) -> dict[str, list[TimelineCell]]:
    """Compare each window with what the whole mix found, and find its own best instrument.

    Args:
        windows: of the mix.
        database: that was searched.
        found: by family, the id of the first match; families that are not here, or of which
            `windows` knows nothing, get no line.
        guesses: by id, the family of instruments that say none, as `Retriever.guesses`, if these
            were searched.
        bank: only instruments of this bank were searched.
        source: only instruments of this source were searched.

    Returns:
        By family: one cell per window, in order.

    Raises:
        InputError: the database has no such instrument, bank or source.
    """
    return {
        family: _line(windows, column, database, found[family], guesses or {}, bank, source)
        for column, family in enumerate(windows.families)
        if family in found
    }


def _line(
    windows: WindowEmbeddings,
    column: int,
    database: InstrumentDatabase,
    instrument_id: str,
    guesses: Mapping[str, str | None],
    bank: str | None,
    source: str | None,
) -> list[TimelineCell]:
    family = windows.families[column]
    target = _embedding(database, instrument_id)
    cells = []
    for (start, end), embedding in zip(windows.spans, windows.embeddings[:, column], strict=True):
        rows, similarities = compare_with_family(
            database, guesses, family, embedding, bank=bank, source=source
        )
        best = int(np.argmax(similarities))  # the first of equals, as in a search
        cells.append(
            TimelineCell(
                start,
                end,
                similarity=float(target @ embedding),
                best=database.instruments()[rows[best]],
                best_similarity=float(similarities[best]),
            )
        )
    return cells


def _embedding(database: InstrumentDatabase, instrument_id: str) -> FloatArray:
    ids, embeddings = database.embeddings()
    database.get(instrument_id)  # or says that there is none
    row: FloatArray = embeddings[ids.index(instrument_id)]
    return row
