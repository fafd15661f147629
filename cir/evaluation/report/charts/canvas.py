"""Figures that look alike: the one place that imports Matplotlib."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#22262e"
PALE = "#697180"
GRID = "#e3e6eb"

#: Of top-1, top-5 and what stands beside them: safe for the colour-blind (Okabe and Ito).
TOP_1, TOP_5, BESIDE = "#0072b2", "#d55e00", "#4d4d4d"

#: One line each (Okabe and Ito, without the yellow that white swallows).
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#22262e")

FONT = 10.0
SMALL = 9.0

DOTS_PER_INCH = 160


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of this size in inches, outside of pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def place_axes(figure: "Figure", left: float, right: float, bottom: float, top: float) -> "Axes":
    """Add axes with fixed margins, in inches, so that long names get the room they need."""
    width, height = figure.get_size_inches()
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    axes = figure.add_axes(box)
    tidy(axes)
    return axes


def tidy(axes: "Axes") -> None:
    """Leave two thin spines, small ticks and nothing else."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(labelsize=SMALL, colors=INK, length=3, color=PALE)
    axes.xaxis.label.set(color=INK, size=FONT)
    axes.yaxis.label.set(color=INK, size=FONT)
    axes.set_axisbelow(True)


def legend_above(axes: "Axes", handles: "Sequence[Artist]") -> None:
    """Name the marks in one row above the axes."""
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0.2,
    )


def darker(colour: str) -> str:
    """Darken a hex colour, so that thin letters can be read in it."""
    channels = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(0.72 * channel):02x}" for channel in channels)


def text_width(texts: Sequence[str], size: float = SMALL) -> float:
    """Estimate the width of the longest text, in inches."""
    return max((len(text) for text in texts), default=0) * size * 0.56 / 72


def to_png(figure: "Figure") -> bytes:
    """Draw a figure; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()
