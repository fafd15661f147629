"""Which instrument is where in a long mix: the best match of each window beside that of the mix."""

from collections.abc import Mapping
from dataclasses import dataclass

from cir.index.filters import ANY, Filters
from cir.retrieval.retriever import Retriever
from cir.retrieval.windows import WindowEmbeddings
from cir.types import Instrument


@dataclass(frozen=True)
class TimelineCell:
    """One window of a mix, compared with the instruments of one family."""

    start_seconds: float
    end_seconds: float
    similarity: float
    """Cosine of the window's own embedding to the instrument that the whole mix found."""
    best: Instrument
    """The first match of this window alone."""
    best_similarity: float
    """Of `best` to this window's embedding, as in a search."""


def build_timeline(
    windows: WindowEmbeddings,
    retriever: Retriever,
    found: Mapping[str, str],
    filters: Filters = ANY,
) -> dict[str, list[TimelineCell]]:
    """Compare each window with what the whole mix found, and find its own best instrument.

    Args:
        windows: Of the mix.
        retriever: The model and the database that was searched.
        found: By family, the id of the first match; there is no line for families that are missing
            here or in `windows`.
        filters: Of the search.

    Returns:
        By family: one cell per window, in order.

    Raises:
        InputError: The database has no such instrument, bank or source.
    """
    ids, embeddings = retriever.database.embeddings()
    timeline: dict[str, list[TimelineCell]] = {}
    for column, family in enumerate(windows.families):
        if family not in found:
            continue
        instrument = retriever.database.get(found[family])
        target = embeddings[ids.index(instrument.instrument_id)]
        timeline[family] = []
        for (start, end), query in zip(windows.spans, windows.embeddings[:, column], strict=True):
            best = retriever.ranking(family, query, filters).best()
            if best is not None:
                similarity = float(target @ query)
                timeline[family].append(
                    TimelineCell(start, end, similarity, best.instrument, best.similarity)
                )
    return timeline
