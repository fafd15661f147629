"""Similarities on a scale beside typical ones, which are measured at the start."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.types import FloatArray, Progress
from cir.ui.learn.sounds import NoteEmbedder, NotePair
from cir.ui.service import PageService

PER_FAMILY = 6
"""Number of instruments drawn from each family; all pairs of them are compared."""

_SEED = 0
_QUANTILES = (0.1, 0.5, 0.9)

_LOWEST, _HIGHEST = -0.4, 1.0
_TICKS = (-0.4, 0.0, 0.5, 1.0)


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


def scale_place(similarity: float) -> float:
    """Return the position of a similarity on the scale, from 0 (left end) to 1, clipped."""
    inside = min(max(similarity, _LOWEST), _HIGHEST)
    return (inside - _LOWEST) / (_HIGHEST - _LOWEST)


def signed(value: float) -> str:
    """Format a similarity, with a true minus sign."""
    return f"{value:.2f}".replace("-", "\u2212")


def track(low: float, high: float, mark: float | None = None, title: str = "") -> str:
    """Draw a bar between two similarities, with a mark at a third."""
    named = f' title="{title}"' if title else ""
    line = "" if mark is None else f'<i style="--at:{scale_place(mark):.4f}"{named}></i>'
    return (
        f'<div class="cir-scale-track"><span style="--low:{scale_place(low):.4f};'
        f'--high:{max(scale_place(low), scale_place(high)):.4f}"></span>{line}</div>'
    )


def similarity_scale(similarity: float, typical: Sequence[Spread]) -> str:
    """Draw a line at the similarity through bars that span 80 % of the pairs of each kind."""
    rows = "".join(_row(spread) for spread in typical)
    ticks = "".join(
        f'<span style="--at:{scale_place(tick):.4f}">{signed(tick) if tick else "0"}</span>'
        for tick in _TICKS
    )
    return (
        f'<div class="cir-scale" style="--here:{scale_place(similarity):.4f}">'
        f'<div class="cir-scale-rows">{rows}<div class="cir-scale-here" aria-hidden="true">'
        f'<b>{signed(similarity)}</b></div></div><div class="cir-scale-ticks" aria-hidden="true">'
        f"{ticks}</div></div>"
    )


def _row(spread: Spread) -> str:
    numbers = f"{signed(spread.low)} to {signed(spread.high)}, median {signed(spread.middle)}"
    about = f"80 % of {spread.pairs:,} pairs"
    return (
        f'<div class="cir-scale-row"><div class="cir-meta"><b>{escape(spread.label)}</b> '
        f'<span title="{about}">{numbers}</span></div>'
        f"{track(spread.low, spread.high, spread.middle)}</div>"
    )


def verdict(similarity: float, typical: Sequence[Spread]) -> str:
    """Name the kinds of pair for which this similarity is typical."""
    fitting = [one.label.lower() for one in typical if one.low <= similarity <= one.high]
    if fitting:
        return f"Typical for {' or '.join(fitting)}."
    if typical and similarity > max(one.high for one in typical):
        return "Higher than for almost any two notes: the same sound, or nearly."
    if typical and similarity < min(one.low for one in typical):
        return "Lower than for most unrelated sounds."
    return "Between the typical ranges of these kinds of pair."
