"""Colour and shape of each family, on the cards and on the map.

Thirteen hues are hard to tell apart, for colour-blind readers most of all, so each family has a
shape too. The contrast of the colours is at least 2.4 against the cards of both themes.
"""

from dataclasses import dataclass

from cir.instruments.families import FAMILIES


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
