"""The common style of the charts, and how each family looks in them."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cir.instruments.families import FAMILIES

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.markers import MarkerStyle

Marker: TypeAlias = str | tuple[tuple[float, float], ...]
"""Name of a marker of Matplotlib, or the corners of a shape."""

_BOWTIE = ((-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))
_HOURGLASS = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))
_STAR_DIAMOND = (
    *((0.0, 1.0), (0.3, 0.3), (1.0, 0.0), (0.3, -0.3)),
    *((0.0, -1.0), (-0.3, -0.3), (-1.0, 0.0), (-0.3, 0.3)),
)

INK = "#22262e"
PALE = "#697180"
GRID = "#e3e6eb"
TOP_1, TOP_5, BESIDE = "#0072b2", "#d55e00", "#4d4d4d"
"""Colours of top-1, top-5 and a third series, safe for the colour-blind (Okabe and Ito)."""
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#22262e")
"""Colours of lines: Okabe and Ito, without the yellow that is illegible on white."""
FONT = 10.0
SMALL = 9.0
ROW_INCHES = 0.42
_DOTS_PER_INCH = 160


@dataclass(frozen=True)
class FamilyLook:
    """Look of the instruments of a family."""

    colour: str
    marker: Marker
    scale: float = 1.0
    """Factor of the area, so that slender and full shapes look equally large."""


NO_FAMILY = FamilyLook("#8a8f98", "o")

# The colours of cir/ui/palette.py, which must not be imported here; a test compares them.
_LOOKS = (
    FamilyLook("#e5484d", "^"),
    FamilyLook("#3b82f6", "o"),
    FamilyLook("#d99006", "s"),
    FamilyLook("#8e6bea", "D"),
    FamilyLook("#14a08c", "X", 1.2),
    FamilyLook("#d6529c", "v"),
    FamilyLook("#5a9e2f", "P", 1.3),
    FamilyLook("#a3683a", "p"),
    FamilyLook("#0e9fc7", "h"),
    FamilyLook("#c2570c", "*", 1.8),
    FamilyLook("#6a7fdb", _BOWTIE, 1.2),
    FamilyLook("#2f9e5c", _HOURGLASS, 1.2),
    FamilyLook("#b65bc9", _STAR_DIAMOND, 1.8),
)

FAMILY_LOOKS: Mapping[str, FamilyLook] = dict(zip(FAMILIES, _LOOKS, strict=True))


def to_marker(look: FamilyLook) -> "MarkerStyle":
    """Return the marker for Matplotlib."""
    from matplotlib.markers import MarkerStyle
    from matplotlib.path import Path

    if isinstance(look.marker, str):
        return MarkerStyle(look.marker)
    return MarkerStyle(Path([*look.marker, look.marker[0]], closed=True))


def family_look(family: str | None) -> FamilyLook:
    """Return the look of a family; None and unknown families get a grey ring."""
    return NO_FAMILY if family is None else FAMILY_LOOKS.get(family, NO_FAMILY)


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of this size in inches, outside of pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white", layout="constrained")


def tidy(axes: "Axes") -> "Axes":
    """Reduce axes to two thin spines and small ticks, and return them."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(labelsize=SMALL, colors=INK, length=3, color=PALE)
    axes.xaxis.label.set(color=INK, size=FONT)
    axes.yaxis.label.set(color=INK, size=FONT)
    axes.set_axisbelow(True)
    return axes


def new_rows(names: list[str], label: str) -> "tuple[Figure, Axes]":
    """Return a figure with a row for each name, from the top, over an axis in percent."""
    figure = new_figure(8.4, len(names) * ROW_INCHES + 1.0)
    axes = tidy(figure.add_subplot())
    for number in range(1, len(names)):
        axes.axhline(number - 0.5, color=GRID, linewidth=0.6)
    axes.set(xlim=(0, 100), ylim=(len(names) - 0.5, -0.5), xlabel=label)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    return figure, axes


def legend_above(axes: "Axes", handles: "Iterable[Artist]") -> None:
    """Add a legend in one row above the axes."""
    entries = list(handles)
    axes.legend(
        handles=entries,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(entries),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
    )


def to_png(figure: "Figure") -> bytes:
    """Render a figure as PNG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()
