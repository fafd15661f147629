"""Which instrument is where in a long mix: the best match of each window beside that of the mix."""

from collections.abc import Mapping
from dataclasses import dataclass

from cir.index.database import InstrumentDatabase
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
    """Of `best`, as `InstrumentDatabase.search` gives it to this window's embedding."""


def build_timeline(
    windows: WindowEmbeddings,
    database: InstrumentDatabase,
    found: Mapping[str, str],
    *,
    bank: str | None = None,
    source: str | None = None,
) -> dict[str, list[TimelineCell]]:
    """Compare each window with what the whole mix found, and find its own best instrument.

    Args:
        windows: Of the mix.
        database: The database that was searched.
        found: By family, the id of the first match. There is no line for families that are missing
            here or in `windows`, or whose first match has no family.
        bank: Only instruments of this bank were searched.
        source: Only instruments of this source were searched.

    Returns:
        By family: one cell per window, in order.

    Raises:
        InputError: The database has no such instrument, bank or source.
    """
    timeline: dict[str, list[TimelineCell]] = {}
    ids, embeddings = database.embeddings()
    for column, family in enumerate(windows.families):
        if family not in found or database.get(found[family]).family != family:
            continue
        target = embeddings[ids.index(found[family])]
        timeline[family] = []
        for (start, end), query in zip(windows.spans, windows.embeddings[:, column], strict=True):
            best = database.ranking(query, family, bank=bank, source=source, of_mixture=True).best()
            if best is not None:
                timeline[family].append(
                    TimelineCell(
                        start,
                        end,
                        similarity=float(target @ query),
                        best=best.instrument,
                        best_similarity=best.similarity,
                    )
                )
    return timeline
