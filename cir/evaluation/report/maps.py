"""Maps of timbre in a report."""

from collections.abc import Sequence
from dataclasses import dataclass

from cir.errors import InputError
from cir.evaluation.report.blocks import Block, Chart, Text
from cir.evaluation.report.charts.timbre_map import draw_map
from cir.evaluation.report.words import escape, things
from cir.index.timbre_map import N_NEIGHBORS, compute_map, trustworthiness
from cir.types import FloatArray, Progress


@dataclass(frozen=True, eq=False)
class MapFigure:
    """A map of instruments."""

    title: str
    """The instruments, and the model that embedded them."""
    coordinates: FloatArray
    """(N, 2)."""
    families: tuple[str | None, ...]
    """Family of each instrument, N."""
    trustworthiness: float | None = None
    """See `cir.index.timbre_map.trustworthiness`; None if there are too few instruments."""


def embedding_map(
    embeddings: FloatArray,
    families: Sequence[str | None],
    seed: int = 0,
    *,
    title: str = "Map of timbre",
    progress: Progress | None = None,
) -> MapFigure:
    """Lay out embeddings in the plane, as the map of a database.

    Args:
        embeddings: (N, D), unit norm, N at least 1.
        families: Family of each embedding, N.
        seed: Seed of UMAP.
        title: Title of the map.
        progress: Called with the fraction done.

    Raises:
        InputError: There is no embedding, or the lengths differ.
    """
    if embeddings.ndim != 2 or not len(embeddings) or len(embeddings) != len(families):
        raise InputError(
            f"A map needs embeddings (N, D) and N families, N at least 1; there are "
            f"{embeddings.shape} and {len(families)}."
        )
    coordinates = compute_map(embeddings, seed=seed, progress=progress)
    measurable = len(embeddings) > 2 * N_NEIGHBORS
    trust = trustworthiness(embeddings, coordinates) if measurable else None
    return MapFigure(title, coordinates, tuple(families), trust)


def map_blocks(figure: MapFigure, name: str) -> list[Block]:
    """Return the blocks of a map.

    Args:
        figure: The map.
        name: Name of its chart.
    """
    caption = "The axes have no meaning: near each other means similar in sound, far says little."
    if figure.trustworthiness is not None:
        caption += (
            f" Trustworthiness {figure.trustworthiness:.2f}; it would be 1 if all {N_NEIGHBORS} "
            "neighbours on the map were neighbours by sound."
        )
    chart = Chart(
        name, figure.title, caption, lambda: draw_map(figure.coordinates, figure.families)
    )
    amount = things(len(figure.families), "instrument")
    return [Text(f"**{escape(figure.title)}**: {amount}."), chart]
