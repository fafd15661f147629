"""Colour and shape of each family: those of the page, in Matplotlib's terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cir.instruments.families import FAMILIES

if TYPE_CHECKING:
    from matplotlib.markers import MarkerStyle

#: A name that Matplotlib knows, or the corners of a shape.
Marker: TypeAlias = str | tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class FamilyLook:
    """How the instruments of one family look."""

    colour: str
    marker: Marker
    scale: float = 1.0
    """Of its area, so that slender shapes weigh as much as full ones."""


_BOWTIE = ((-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))
_HOURGLASS = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))
_STAR_DIAMOND = (
    *((0.0, 1.0), (0.3, 0.3), (1.0, 0.0), (0.3, -0.3)),
    *((0.0, -1.0), (-0.3, -0.3), (-1.0, 0.0), (-0.3, 0.3)),
)

NO_FAMILY = FamilyLook("#8a8f98", "o")

# As cir/ui/palette.py, which imports may not reach from here; a test compares them.
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
    """Make what Matplotlib draws."""
    from matplotlib.markers import MarkerStyle
    from matplotlib.path import Path

    if isinstance(look.marker, str):
        return MarkerStyle(look.marker)
    return MarkerStyle(Path([*look.marker, look.marker[0]], closed=True))


def family_look(family: str | None) -> FamilyLook:
    """Look up a family; instruments of none share a grey ring."""
    return NO_FAMILY if family is None else FAMILY_LOOKS.get(family, NO_FAMILY)
