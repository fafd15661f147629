"""Confusion matrix of the families of best matches and queries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cir.evaluation.report.charts.canvas import FONT, INK, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL_INCHES = 0.43


def draw_confusion(families: Sequence[str], counts: Sequence[Sequence[int]]) -> "Figure":
    """Draw a heat map in percent of each row.

    Args:
        families: Names of F families.
        counts: Queries by their family (row) and by that of the best match, (F, F).
    """
    numbers = np.asarray(counts, dtype=np.float64)
    totals = numbers.sum(axis=1, keepdims=True)
    shares = 100 * numbers / np.maximum(totals, 1)
    rows = [f"{name} ({int(total)})" for name, total in zip(families, totals[:, 0], strict=True)]
    side = max(len(families) * _CELL_INCHES, 1.2)
    figure = new_figure(side + 2.6, side + 1.8)
    axes = tidy(figure.add_subplot())
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    for row, column in zip(*np.nonzero(numbers), strict=True):
        share = shares[row, column]
        axes.text(
            *(column, row),
            f"{share:.0f}" if share >= 1 else "<1",
            ha="center",
            va="center",
            fontsize=SMALL,
            color="white" if share > 55 else INK,
        )
    for between in range(len(families) + 1):
        axes.axhline(between - 0.5, color="white", linewidth=1)
        axes.axvline(between - 0.5, color="white", linewidth=1)
    axes.set_xticks(range(len(families)), families, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(families)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("family of the best match", fontsize=FONT)
    axes.set_ylabel("family of the query (notes)", fontsize=FONT)
    return figure
