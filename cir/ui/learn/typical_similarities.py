"""What similarities are usual: of one instrument, within a family, across families.

Measured on single notes when the first visitor asks, with the model that answers: nothing stored
can be out of date.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.types import FloatArray, Progress
from cir.ui.learn.note_embeddings import NoteListener
from cir.ui.learn.sounds import NotePair
from cir.ui.service import PageService

PER_FAMILY = 6
"""Instruments of the database drawn from each family; all pairs of them are compared."""

_SEED = 0
_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Spread:
    """Where similarities of one kind of pair lie."""

    label: str
    low: float
    """A tenth of the pairs is below."""
    middle: float
    high: float
    """A tenth of the pairs is above."""
    pairs: int


def measure_typical(
    service: PageService,
    listener: NoteListener,
    recorded: Sequence[NotePair],
    progress: Progress | None = None,
) -> tuple[Spread, ...]:
    """Compare pairs of notes of three kinds; a kind of which there is no pair is left out.

    Args:
        service: has the database, whose previews are one note each.
        listener: embeds.
        recorded: instruments of which there are two notes.
        progress: told how far it is.
    """
    first = [pair.notes[0].path for pair in recorded]
    second = [pair.notes[1].path for pair in recorded]
    drawn = _draw_previews(service)
    previews = [path for _, path in drawn]
    listener.embed([*first, *second, *previews], progress)
    same = np.sum(listener.embed(first) * listener.embed(second), axis=1) if first else np.empty(0)
    within, across = _pairs([family for family, _ in drawn], _embed(listener, previews))
    kinds = (
        ("Two notes of one instrument", same),
        ("Two instruments of one family", within),
        ("Instruments of two families", across),
    )
    return tuple(_spread(label, values) for label, values in kinds if len(values))


def _embed(listener: NoteListener, paths: Sequence[Path]) -> FloatArray:
    return listener.embed(paths) if paths else np.zeros((0, 1), np.float32)


def _draw_previews(service: PageService) -> list[tuple[str, Path]]:
    """Draw instruments that have a family and a preview, as (family, preview)."""
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
    """Cosines of all pairs, those of one family and those of two."""
    similarities = embeddings @ embeddings.T
    names = np.array(families, dtype=object)
    together = names[:, np.newaxis] == names
    each_once = np.triu(np.ones(similarities.shape, dtype=bool), k=1)
    return similarities[each_once & together], similarities[each_once & ~together]


def _spread(label: str, values: NDArray[np.floating]) -> Spread:
    low, middle, high = (float(value) for value in np.quantile(values, _QUANTILES))
    return Spread(label, low, middle, high, len(values))
