"""Chart of top-k accuracy against k, one line for each method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cir.evaluation.report.charts.canvas import GRID, INK, LINES, PALE, SMALL, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKS = "osD^vPX*h"


@dataclass(frozen=True)
class Curve:
    """Top-k accuracies of a method."""

    name: str
    accuracies: Mapping[int, float]
    """Accuracy in [0, 1] by k."""


def draw_rank_curves(curves: Sequence[Curve], chance: Curve) -> "Figure":
    """Draw a line for each method and a pale one for chance; the legend is in their order."""
    figure = new_figure(8.8, max(4.2, 0.22 * len(curves) + 1.0))
    axes = tidy(figure.add_subplot())
    for number, curve in enumerate((*curves, chance)):
        is_chance = curve is chance
        lengths = sorted(curve.accuracies)
        axes.plot(
            lengths,
            [100 * curve.accuracies[k] for k in lengths],
            color=PALE if is_chance else LINES[number % len(LINES)],
            linestyle=":" if is_chance else "-" if number < len(LINES) else (0, (5, 1.5)),
            marker=None if is_chance else _MARKS[number % len(_MARKS)],
            markersize=4.5,
            linewidth=1.6,
            clip_on=False,
        )
    lengths = sorted(chance.accuracies)
    axes.set_xscale("log")
    axes.set_xticks(lengths, [str(k) for k in lengths])
    axes.minorticks_off()
    axes.set_xlim(min(lengths) * 0.93, max(lengths))
    axes.set(ylim=(0, 100), xlabel="k, length of the list")
    axes.set_ylabel("right one within the first k, %")
    axes.grid(color=GRID, linewidth=0.8)
    ends = [(curve.accuracies[max(curve.accuracies)], curve.name) for curve in (*curves, chance)]
    order = sorted(range(len(ends)), key=lambda number: -ends[number][0])
    legend = axes.legend(
        [axes.lines[number] for number in order],
        [ends[number][1] for number in order],
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure
