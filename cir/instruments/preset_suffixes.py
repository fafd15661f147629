"""Suffixes of the files that synthesizers and samplers load."""

from collections.abc import Mapping
from types import MappingProxyType

SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        ".sf2": "soundfont",
        ".sf3": "soundfont",
        ".vital": "vital",
        ".fxp": "surge",
        ".syx": "dx7",
        ".xiz": "zyn",
        ".bank": "amsynth",
        ".sfz": "sfz",
    }
)
"""Scheme of the engine references of a file, by its suffix in lower case."""


def suffixes_of(scheme: str) -> tuple[str, ...]:
    """Return the suffixes of the files of a scheme."""
    return tuple(suffix for suffix, one in SCHEMES.items() if one == scheme)
