"""Colour and shape of each family, the same on the cards and on the map.

Colour alone fails readers who do not tell hues apart, and thirteen hues fail everybody: the shape
says the same once more. The colours keep a contrast of at least 2.4 against the cards of both
themes.
"""

from dataclasses import dataclass

from cir.instruments.families import FAMILIES


@dataclass(frozen=True)
class FamilyStyle:
    """How the instruments of one family look."""

    colour: str
    """CSS hex colour."""
    symbol: str
    """A marker symbol of Plotly."""


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
    """Look up the style of a family; instruments of none share a grey ring."""
    return NO_FAMILY if family is None else _STYLES[family]
