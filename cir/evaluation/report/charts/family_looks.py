"""Colour and marker of each family in Matplotlib, as in the app."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cir.instruments.families import FAMILIES

if TYPE_CHECKING:
    from matplotlib.markers import MarkerStyle

Marker: TypeAlias = str | tuple[tuple[float, float], ...]
"""Name of a marker of Matplotlib, or the corners of a shape."""


@dataclass(frozen=True)
class FamilyLook:
    """Look of the instruments of a family."""

    colour: str
    marker: Marker
    scale: float = 1.0
    """Factor of the area, so that slender and full shapes look equally large."""


_BOWTIE = ((-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))
_HOURGLASS = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))
_STAR_DIAMOND = (
    *((0.0, 1.0), (0.3, 0.3), (1.0, 0.0), (0.3, -0.3)),
    *((0.0, -1.0), (-0.3, -0.3), (-1.0, 0.0), (-0.3, 0.3)),
)

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
