"""Colour and shape of each family, on the cards and on the map.

Thirteen hues are hard to tell apart, for colour-blind readers most of all, so each family has a
shape too. The contrast of the colours is at least 2.4 against the cards of both themes.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cir.instruments.families import FAMILIES, family_label


@dataclass(frozen=True)
class FamilyStyle:
    """Colour and marker of a family."""

    colour: str
    """CSS hex colour."""
    symbol: str
    """Marker symbol, as Plotly names it."""


NO_FAMILY = FamilyStyle("#8a8f98", "circle-open")

_LOOKS: tuple[FamilyStyle, ...] = (
    FamilyStyle("#e5484d", "triangle-up"),
    FamilyStyle("#3b82f6", "circle"),
    FamilyStyle("#d99006", "square"),
    FamilyStyle("#8e6bea", "diamond"),
    FamilyStyle("#14a08c", "x"),
    FamilyStyle("#d6529c", "triangle-down"),
    FamilyStyle("#5a9e2f", "cross"),
    FamilyStyle("#a3683a", "pentagon"),
    FamilyStyle("#0e9fc7", "hexagon"),
    FamilyStyle("#c2570c", "star"),
    FamilyStyle("#6a7fdb", "bowtie"),
    FamilyStyle("#2f9e5c", "hourglass"),
    FamilyStyle("#b65bc9", "star-diamond"),
)

_STYLES = dict(zip(FAMILIES, _LOOKS, strict=True))


def family_style(family: str | None) -> FamilyStyle:
    """Return the style of a family; a grey ring for None."""
    return NO_FAMILY if family is None else _STYLES[family]


def family_name(family: str | None) -> str:
    """Return the label of a family; "No family" for None."""
    return "No family" if family is None else family_label(family)


def _closed(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.3f},{y:.3f}" for x, y in points) + "Z"


def _star(n_points: int, inner: float, *, radius: float = 1.15) -> str:
    """Draw a star, first tip up; `inner` is the radius of its notches over that of its tips."""
    return _closed(
        (size * math.sin(turn), -size * math.cos(turn))
        for tip in range(2 * n_points)
        for turn in [math.pi * tip / n_points]
        for size in [radius if tip % 2 == 0 else radius * inner]
    )


def _polygon(n_corners: int) -> str:
    return _star(n_corners, math.cos(math.pi / n_corners), radius=1.05)


def _disc(radius: float, sweep: int) -> str:
    arc = f"a{radius},{radius} 0 1,{sweep} "
    return f"M-{radius},0{arc}{2 * radius},0{arc}-{2 * radius},0Z"


SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "circle": _disc(0.9, 1),
        "circle-open": _disc(0.9, 1) + _disc(0.5, 0),
        "square": "M-.8,-.8H.8V.8H-.8Z",
        "diamond": "M0,-1.15L1.15,0L0,1.15L-1.15,0Z",
        "cross": "M-.36,-1H.36V-.36H1V.36H.36V1H-.36V.36H-1V-.36H-.36Z",
        "x": ("M-1,-.5L-.5,-1L0,-.5L.5,-1L1,-.5L.5,0L1,.5L.5,1L0,.5L-.5,1L-1,.5L-.5,0Z"),
        "triangle-up": "M0,-1.1L1.1,.8H-1.1Z",
        "triangle-down": "M0,1.1L1.1,-.8H-1.1Z",
        "pentagon": _polygon(5),
        "hexagon": _polygon(6),
        "star": _star(5, 0.45),
        "star-diamond": _star(4, 0.42),
        "bowtie": "M-1.05,-.9L0,-.2L1.05,-.9V.9L0,.2L-1.05,.9Z",
        "hourglass": "M-.9,-1.05H.9L.2,0L.9,1.05H-.9L-.2,0Z",
    }
)
"""By symbol: paths of similar visual size within about [-1.2, 1.2], y down."""


def marker_svg(symbol: str) -> str:
    """Render a marker as an inline SVG in the colour of its family."""
    return (
        '<svg class="cir-map-marker" viewBox="-1.3 -1.3 2.6 2.6" aria-hidden="true">'
        f'<path d="{SHAPES[symbol]}"/></svg>'
    )
