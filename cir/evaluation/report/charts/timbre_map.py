"""Map of timbre."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cir.evaluation.report.charts.canvas import GRID, INK, SMALL, family_look, new_figure, to_marker
from cir.instruments.families import FAMILIES
from cir.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_map(coordinates: FloatArray, families: Sequence[str | None]) -> "Figure":
    """Draw a point for each instrument, with the colour and marker of its family.

    Args:
        coordinates: (N, 2).
        families: N families.
    """
    figure = new_figure(8.0, 6.0)
    axes = figure.add_subplot()
    size = float(np.clip(9000 / max(len(coordinates), 1), 14, 60))
    kinds: list[str | None] = [family for family in FAMILIES if family in families]
    kinds += sorted(
        {family for family in families if family is not None and family not in FAMILIES}
    )
    kinds += [None] if None in families else []
    for family in reversed(kinds):
        chosen = [number for number, one in enumerate(families) if one == family]
        look = family_look(family)
        axes.scatter(
            coordinates[chosen, 0],
            coordinates[chosen, 1],
            s=size * look.scale,
            marker=to_marker(look),
            facecolors="none" if family is None else look.colour,
            edgecolors=look.colour if family is None else "white",
            linewidths=0.9 if family is None else 0.35,
            alpha=0.85,
            label=f"{'no family' if family is None else family.replace('_', ' ')} ({len(chosen)})",
        )
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_adjustable("datalim")
    for spine in axes.spines.values():
        spine.set_color(GRID)
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(
        handles[::-1],
        labels[::-1],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        labelspacing=0.8,
        handletextpad=0.3,
    )
    for handle, family in zip(legend.legend_handles, kinds, strict=True):
        if handle is not None:
            handle.set(sizes=[48 * family_look(family).scale], alpha=1.0)
    return figure
