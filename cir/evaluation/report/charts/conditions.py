"""Chart of the accuracy under several conditions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cir.evaluation.report.charts.canvas import (
    BESIDE,
    GRID,
    TOP_1,
    TOP_5,
    legend_above,
    new_figure,
    new_rows,
    tidy,
)
from cir.metrics import Float64Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point: TypeAlias = tuple[str, Mapping[str, Any], float | None]
"""Name, scores (as `Scores.as_dict`) and stability of a condition."""

_SERIES = (("top_1", "top-1", TOP_1, "o", -0.22), ("top_5", "top-5", TOP_5, "s", 0.0))
_BESIDE_OFFSET = 0.22


def draw_conditions(label: str, points: Sequence[Point]) -> "Figure":
    """Draw lines if the names of the conditions are rising numbers, else rows of dots.

    Args:
        label: Label of the axis, with its unit.
        points: At least one condition, in order.
    """
    names = [name for name, *_ in points]
    places = _numbers(names)
    if places is None:
        figure, axes = new_rows(names, "%")
        _draw_series(axes, np.arange(len(points), dtype=np.float64), points, is_vertical=False)
        return figure
    figure = new_figure(6.0, 3.4)
    axes = tidy(figure.add_subplot())
    _draw_series(axes, np.array(places), points, is_vertical=True)
    axes.set_xticks(places, names)
    axes.set(ylim=(0, 100), ylabel="%")
    axes.set_xlabel(label, parse_math=False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    return figure


def _draw_series(
    axes: "Axes", places: Float64Array, points: Sequence[Point], *, is_vertical: bool
) -> None:
    """Draw accuracies with their intervals, and the stability of conditions that have one."""
    handles = []
    for metric, name, colour, mark, offset in _SERIES:
        estimates = [scores[metric] for _, scores, _ in points]
        values = [100 * one["value"] for one in estimates]
        reach = [
            [
                0.0 if one[end] is None else max(0.0, 100 * sign * (one[end] - one["value"]))
                for one in estimates
            ]
            for end, sign in (("low", -1), ("high", 1))
        ]
        style: dict[str, Any] = {"color": colour, "marker": mark, "markersize": 6}
        if is_vertical:
            bars = axes.errorbar(places, values, yerr=reach, capsize=3, linewidth=1.6, **style)
        else:
            bars = axes.errorbar(values, places + offset, xerr=reach, linestyle="none", **style)
        handles.append(bars.lines[0])
        handles[-1].set_label(name)
    known = [number for number, (*_, one) in enumerate(points) if one is not None]
    if known:
        stability = [100 * float(points[number][2] or 0.0) for number in known]
        beside = (stability, places[known] + _BESIDE_OFFSET)
        (line,) = axes.plot(
            *((places[known], stability) if is_vertical else beside),
            marker="D",
            linestyle=":" if is_vertical else "none",
            color=BESIDE,
            markersize=5,
            label="stability",
            clip_on=False,
        )
        handles.append(line)
    legend_above(axes, handles)


def _numbers(names: Sequence[str]) -> list[float] | None:
    """Parse names as rising numbers; None if they are not."""
    try:
        places = [float(name) for name in names]
    except ValueError:
        return None
    rising = all(first < second for first, second in zip(places, places[1:], strict=False))
    return places if len(places) > 1 and rising else None
