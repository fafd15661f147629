"""Whether chances hold: how often answers are right, against the chance that was given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cir.evaluation.report.charts.canvas import (
    FONT,
    GRID,
    INK,
    PALE,
    TOP_1,
    TOP_5,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Left, bottom, width and height, in parts of the figure.
Box: TypeAlias = tuple[float, float, float, float]

_COLOURS = (TOP_1, TOP_5)
_PANEL_INCHES = 3.1
_COUNTS_INCHES = 0.8
_GAP_INCHES = 0.85
_LEFT, _BELOW, _ABOVE, _BETWEEN = 0.75, 0.55, 0.4, 0.14


@dataclass(frozen=True)
class Reliability:
    """Of one kind of chance."""

    title: str
    bins: Sequence[Mapping[str, Any]]
    """Each with `low`, `high`, the mean `chance`, `accuracy` and `count`."""
    ece: float | None
    """Expected calibration error."""


def draw_reliability(curves: Sequence[Reliability]) -> "Figure":
    """Draw a panel for each curve, with the number of answers below it."""
    width = _LEFT + len(curves) * _PANEL_INCHES + (len(curves) - 1) * _GAP_INCHES + 0.2
    height = _ABOVE + _PANEL_INCHES + _BETWEEN + _COUNTS_INCHES + _BELOW
    figure = new_figure(width, height)
    for number, curve in enumerate(curves):
        start = _LEFT + number * (_PANEL_INCHES + _GAP_INCHES)

        def box(bottom: float, tall: float, start: float = start) -> Box:
            return (start / width, bottom / height, _PANEL_INCHES / width, tall / height)

        counts = figure.add_axes(box(_BELOW, _COUNTS_INCHES))
        panel = figure.add_axes(box(_BELOW + _COUNTS_INCHES + _BETWEEN, _PANEL_INCHES))
        colour = _COLOURS[number % len(_COLOURS)]
        _draw_panel(panel, curve, colour)
        _draw_counts(counts, curve, colour)
        if number == 0:
            panel.set_ylabel("of these were right, %")
            counts.set_ylabel("answers")
    return figure


def _draw_panel(axes: "Axes", curve: Reliability, colour: str) -> None:
    tidy(axes)
    filled = [one for one in curve.bins if one["count"]]
    axes.plot((0, 100), (0, 100), color=PALE, linestyle=":", linewidth=1.2)
    axes.plot(
        [100 * one["chance"] for one in filled],
        [100 * one["accuracy"] for one in filled],
        color=colour,
        marker="o",
        markersize=6,
        linewidth=1.6,
        clip_on=False,
    )
    axes.set(xlim=(0, 100), ylim=(0, 100), xticks=range(0, 101, 20), yticks=range(0, 101, 20))
    axes.tick_params(labelbottom=False)
    axes.grid(color=GRID, linewidth=0.8)
    title = curve.title if curve.ece is None else f"{curve.title} (ECE {curve.ece:.3f})"
    axes.set_title(title, fontsize=FONT, color=INK, loc="left")


def _draw_counts(axes: "Axes", curve: Reliability, colour: str) -> None:
    tidy(axes)
    axes.bar(
        [100 * one["low"] for one in curve.bins],
        [one["count"] for one in curve.bins],
        width=[100 * (one["high"] - one["low"]) for one in curve.bins],
        align="edge",
        color=colour,
        edgecolor="white",
        alpha=0.75,
    )
    axes.set(xlim=(0, 100), xticks=range(0, 101, 20), xlabel="chance that was given, %")
    axes.locator_params(axis="y", nbins=3, integer=True)
