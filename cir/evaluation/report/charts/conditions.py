"""Accuracy in each of a few conditions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from cir.evaluation.report.charts.canvas import (
    BESIDE,
    GRID,
    TOP_1,
    TOP_5,
    legend_above,
    new_figure,
    place_axes,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Name, scores (as `Scores.as_dict`) and stability of one condition.
Point: TypeAlias = tuple[str, Mapping[str, Any], float | None]

_SERIES = (("top_1", "top-1", TOP_1, "o", -0.22), ("top_5", "top-5", TOP_5, "s", 0.0))
_BESIDE_OFFSET = 0.22


def draw_conditions(label: str, points: Sequence[Point]) -> "Figure":
    """Draw lines over conditions that are numbers, and rows of dots for those that are words.

    Args:
        label: What the conditions are, with its unit.
        points: At least one, in order.
    """
    places = _numbers([name for name, *_ in points])
    if places is not None:
        return _draw_lines(label, points, places)
    return _draw_rows(points)


def _draw_lines(label: str, points: Sequence[Point], places: Sequence[float]) -> "Figure":
    figure = new_figure(6.0, 3.4)
    axes = place_axes(figure, 0.65, 0.25, 0.55, 0.4)
    for metric, name, colour, mark, _ in _SERIES:
        values, below, above = _estimates(points, metric)
        axes.errorbar(
            places,
            values,
            yerr=(below, above),
            color=colour,
            marker=mark,
            markersize=6,
            linewidth=1.6,
            elinewidth=1.2,
            capsize=3,
            label=name,
        )
    known = [
        (place, 100 * one)
        for place, (*_, one) in zip(places, points, strict=True)
        if one is not None
    ]
    if known:
        axes.plot(
            *zip(*known, strict=True),
            "D:",
            color=BESIDE,
            markersize=5,
            label="stability",
            clip_on=False,
        )
    margin = 0.04 * (max(places) - min(places))
    axes.set_xlim(min(places) - margin, max(places) + margin)
    axes.set_xticks(places, [name for name, *_ in points])
    axes.set_ylim(0, 100)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_xlabel(label, parse_math=False)
    axes.set_ylabel("%")
    _name_series(axes)
    return figure


def _draw_rows(points: Sequence[Point]) -> "Figure":
    names = [name for name, *_ in points]
    left = max(0.8, text_width(names) + 0.15)
    figure = new_figure(left + 5.2, 0.42 * len(points) + 1.05)
    axes = place_axes(figure, left, 0.25, 0.55, 0.4)
    for metric, name, colour, mark, offset in _SERIES:
        values, below, above = _estimates(points, metric)
        axes.errorbar(
            values,
            [number + offset for number in range(len(points))],
            xerr=(below, above),
            color=colour,
            marker=mark,
            markersize=6,
            linestyle="none",
            elinewidth=1.8,
            label=name,
        )
    known = [
        (100 * one, number + _BESIDE_OFFSET)
        for number, (*_, one) in enumerate(points)
        if one is not None
    ]
    if known:
        axes.plot(
            *zip(*known, strict=True),
            "D",
            color=BESIDE,
            markersize=5,
            label="stability",
            clip_on=False,
        )
    for number in range(1, len(points)):
        axes.axhline(number - 0.5, color=GRID, linewidth=0.6)
    axes.set_xlim(0, 100)
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.set_yticks(range(len(points)), names, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_xlabel("%")
    _name_series(axes)
    return figure


def _numbers(names: Sequence[str]) -> list[float] | None:
    """Read conditions as rising numbers; None where they are not."""
    try:
        places = [float(name) for name in names]
    except ValueError:
        return None
    rising = all(first < second for first, second in zip(places, places[1:], strict=False))
    return places if len(places) > 1 and rising else None


def _estimates(
    points: Sequence[Point], metric: str
) -> tuple[list[float], list[float], list[float]]:
    """Values in percent, and how far their intervals reach down and up."""
    values, below, above = [], [], []
    for _, scores, _ in points:
        estimate = scores[metric]
        value = estimate["value"]
        values.append(100 * value)
        below.append(0.0 if estimate["low"] is None else max(0.0, 100 * (value - estimate["low"])))
        above.append(
            0.0 if estimate["high"] is None else max(0.0, 100 * (estimate["high"] - value))
        )
    return values, below, above


def _name_series(axes: "Axes") -> None:
    from matplotlib.lines import Line2D

    entries: list[Artist] = [
        Line2D([], [], color=colour, marker=mark, markersize=6, linewidth=1.8, label=name)
        for _, name, colour, mark, _ in _SERIES
    ]
    if any(line.get_label() == "stability" for line in axes.lines):
        entries.append(
            Line2D([], [], color=BESIDE, marker="D", markersize=5, ls=":", label="stability")
        )
    legend_above(axes, entries)
