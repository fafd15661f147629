"""Typical similarities of single notes: of one instrument, within a family, across families.

They are measured with the page's own model when the first visitor opens the exhibit.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.types import FloatArray, Progress
from cir.ui.learn.note_embeddings import NoteEmbedder
from cir.ui.learn.sounds import NotePair
from cir.ui.service import PageService

PER_FAMILY = 6
"""Number of instruments drawn from each family; all pairs of them are compared."""

_SEED = 0
_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Spread:
    """Distribution of the similarities of one kind of pair."""

    label: str
    low: float
    """10th percentile."""
    middle: float
    """Median."""
    high: float
    """90th percentile."""
    pairs: int


def measure_typical(
    service: PageService,
    embedder: NoteEmbedder,
    recorded: Sequence[NotePair],
    progress: Progress | None = None,
) -> tuple[Spread, ...]:
    """Compare pairs of notes of three kinds; a kind without pairs is left out.

    Args:
        service: The database, whose previews are one note each.
        embedder: Embeds the notes.
        recorded: Instruments with two notes.
        progress: Receives the progress.
    """
    first = [pair.notes[0].path for pair in recorded]
    second = [pair.notes[1].path for pair in recorded]
    drawn = _draw_previews(service)
    previews = [path for _, path in drawn]
    embedder.embed([*first, *second, *previews], progress)
    same = np.sum(embedder.embed(first) * embedder.embed(second), axis=1) if first else np.empty(0)
    embeddings = embedder.embed(previews) if previews else np.zeros((0, 1), np.float32)
    within, across = _pairs([family for family, _ in drawn], embeddings)
    kinds = (
        ("Two notes of one instrument", same),
        ("Two instruments of one family", within),
        ("Instruments of two families", across),
    )
    return tuple(_spread(label, values) for label, values in kinds if len(values))


def _draw_previews(service: PageService) -> list[tuple[str, Path]]:
    """Draw instruments with a family and a preview, as (family, preview)."""
    by_family: defaultdict[str, list[Path]] = defaultdict(list)
    for one in service.instruments:
        preview = service.preview(one.instrument_id)
        if one.family is not None and preview is not None:
            by_family[one.family].append(preview)
    generator = np.random.default_rng(_SEED)
    return [
        (family, by_family[family][row])
        for family in sorted(by_family)
        for row in generator.permutation(len(by_family[family]))[:PER_FAMILY]
    ]


def _pairs(
    families: Sequence[str], embeddings: FloatArray
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the cosines of all pairs within a family, and of all pairs across families."""
    similarities = embeddings @ embeddings.T
    names = np.array(families, dtype=object)
    together = names[:, np.newaxis] == names
    each_once = np.triu(np.ones(similarities.shape, dtype=bool), k=1)
    return similarities[each_once & together], similarities[each_once & ~together]


def _spread(label: str, values: NDArray[np.floating]) -> Spread:
    low, middle, high = (float(value) for value in np.quantile(values, _QUANTILES))
    return Spread(label, low, middle, high, len(values))
