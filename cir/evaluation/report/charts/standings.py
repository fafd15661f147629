"""Chart of top-1 and top-5 of all methods of a table, with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cir.evaluation.report.charts.canvas import TOP_1, TOP_5, legend_above, new_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = (("top_1", "top-1", TOP_1, "o"), ("top_5", "top-5", TOP_5, "s"))
_OFFSET = 0.17
"""Distance of top-1 and top-5 from the middle of a row, in rows."""


@dataclass(frozen=True)
class Standing:
    """Scores of a method."""

    name: str
    scores: Mapping[str, Any] | None
    """Result of `Scores.as_dict`; None if it was not measured."""
    paper: tuple[float | None, float | None]
    """The paper's top-1 and top-5, in percent."""


def draw_standings(rows: Sequence[Standing], chance: Sequence[float] | None) -> "Figure":
    """Draw a row for each method, the first at the top, and one for chance.

    Args:
        rows: At least one method.
        chance: Top-1 and top-5 of a random ranking, in [0, 1].
    """
    names = [row.name if row.scores else f"{row.name} (not measured)" for row in rows]
    figure, axes = new_rows(names + ["chance"] * (chance is not None), "accuracy, %")
    for number, row in enumerate(rows):
        _draw_row(axes, number, row)
    if chance is not None:
        for (*_, colour, mark), value, offset in zip(
            _MARKS, chance, (-_OFFSET, _OFFSET), strict=True
        ):
            place = (100 * value, len(rows) + offset)
            axes.plot(*place, mark, color=colour, markersize=5, clip_on=False)
    _add_legend(axes, with_paper=any(figure is not None for row in rows for figure in row.paper))
    return figure


def _draw_row(axes: "Axes", number: int, row: Standing) -> None:
    for (metric, _, colour, mark), paper, offset in zip(
        _MARKS, row.paper, (-_OFFSET, _OFFSET), strict=True
    ):
        height = number + offset
        if row.scores is not None:
            estimate = row.scores[metric]
            if estimate["low"] is not None:
                ends = (100 * estimate["low"], 100 * estimate["high"])
                axes.plot(ends, (height, height), color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot(100 * estimate["value"], height, mark, color=colour, markersize=6.5)
        if paper is not None:
            axes.plot(
                *(paper, height),
                mark,
                markerfacecolor="white",
                markeredgecolor=colour,
                markeredgewidth=1.2,
                markersize=6.5,
                clip_on=False,
            )


def _add_legend(axes: "Axes", *, with_paper: bool) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=colour, marker=mark, markersize=6.5, linewidth=2, label=label)
        for _, label, colour, mark in _MARKS
    ]
    if with_paper:
        entries += [
            Line2D(
                *([], []),
                color=colour,
                marker=mark,
                markersize=6.5,
                markerfacecolor="white",
                linestyle="none",
                label=f"{label}, the paper's",
            )
            for _, label, colour, mark in _MARKS
        ]
    legend_above(axes, entries)
