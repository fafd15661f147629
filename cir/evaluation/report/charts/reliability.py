"""Reliability diagram: the share of right answers against their chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

_COLOURS = (TOP_1, TOP_5)


@dataclass(frozen=True)
class Reliability:
    """Reliability of one kind of chance."""

    title: str
    bins: Sequence[Mapping[str, Any]]
    """Bins with `low`, `high`, the mean `chance`, `accuracy` and `count`."""
    ece: float | None
    """Expected calibration error."""


def draw_reliability(curves: Sequence[Reliability]) -> "Figure":
    """Draw a panel for each curve, above a histogram of its answers."""
    figure = new_figure(3.9 * len(curves) + 0.3, 5.2)
    panels = figure.subplots(2, len(curves), squeeze=False, height_ratios=(4, 1))
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        _draw_panel(panels[0, number], curve, colour)
        _draw_counts(panels[1, number], curve, colour)
    panels[0, 0].set_ylabel("of these were right, %")
    panels[1, 0].set_ylabel("answers")
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
