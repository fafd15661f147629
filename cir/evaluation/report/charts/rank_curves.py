"""Accuracy within the first k against k: one line for each method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cir.evaluation.report.charts.canvas import (
    GRID,
    LINES,
    PALE,
    SMALL,
    darker,
    new_figure,
    place_axes,
    text_width,
)
from cir.evaluation.report.charts.labels import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "osD^vPX*h"
_HEIGHT_INCHES = 3.6
_LABEL_INCHES = 0.17


@dataclass(frozen=True)
class Curve:
    """Of one method."""

    name: str
    accuracies: Mapping[int, float]
    """By k; in [0, 1]."""


def draw_rank_curves(curves: Sequence[Curve], chance: Curve) -> "Figure":
    """Draw a line for each method, with its name at its end, and a pale one for chance."""
    everything = [*curves, chance]
    right = text_width([curve.name for curve in everything]) + 0.45
    height = max(_HEIGHT_INCHES, len(everything) * _LABEL_INCHES)
    figure = new_figure(max(7.6, right + 5.0), height + 0.75)
    axes = place_axes(figure, 0.65, right, 0.55, 0.2)
    for number, curve in enumerate(curves):
        lengths = sorted(curve.accuracies)
        axes.plot(
            lengths,
            [100 * curve.accuracies[k] for k in lengths],
            color=_colour(number),
            linestyle="-" if number < len(LINES) else (0, (5, 1.5)),
            marker=_MARKS[number % len(_MARKS)],
            markersize=4.5,
            linewidth=1.6,
            clip_on=False,
        )
    lengths = sorted(chance.accuracies)
    axes.plot(
        lengths,
        [100 * chance.accuracies[k] for k in lengths],
        color=PALE,
        linestyle=":",
        linewidth=1.4,
    )
    axes.set_xscale("log")
    axes.set_xticks(lengths, [str(k) for k in lengths])
    axes.minorticks_off()
    axes.set_xlim(min(lengths) * 0.93, max(lengths))
    axes.set_ylim(0, 100)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_xlabel("k, length of the list")
    axes.set_ylabel("right one within the first k, %")
    colours = [*map(_colour, range(len(curves))), PALE]
    _name_ends(axes, everything, colours, 100 * _LABEL_INCHES / height)
    return figure


def _name_ends(axes: "Axes", curves: Sequence[Curve], colours: Sequence[str], gap: float) -> None:
    """Write names right of the axes, joined to the ends of their lines."""
    ends = [
        (max(curve.accuracies), 100 * curve.accuracies[max(curve.accuracies)]) for curve in curves
    ]
    places = spread([height for _, height in ends], gap, 0.0, 100.0)
    for curve, colour, (k, height), place in zip(curves, colours, ends, places, strict=True):
        axes.annotate(
            curve.name,
            xy=(k, height),
            xytext=(1.045, place / 100),
            textcoords="axes fraction",
            va="center",
            fontsize=SMALL,
            color=darker(colour),
            parse_math=False,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.6,
                "alpha": 0.7,
                "shrinkA": 1,
                "shrinkB": 3,
                "relpos": (0, 0.5),
            },
        )


def _colour(number: int) -> str:
    return LINES[number % len(LINES)]
