"""Presets of VST2 plug-ins (.fxp), and what those of Surge say of themselves.

Source: the preset format of the VST 2.4 SDK; for Surge, the patch header of Surge XT (tag `sub3`,
then an XML document whose `meta` names the patch).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from cir.engines.base import MAX_PRESET_BYTES, PresetInfo, read_limited
from cir.errors import EngineError
from cir.instruments.families import family_of_folder
from cir.instruments.foreign_names import decode_names
from cir.text import clean

SURGE_ID = b"cjs3"

_HEAD = struct.Struct(">4sI4sI4sII28s")
_SURGE_HEAD = struct.Struct("<4sI24x")


@dataclass(frozen=True)
class Fxp:
    """One preset of a VST2 plug-in."""

    plugin_id: bytes
    """Four letters; only this plug-in understands the rest."""
    name: str
    chunk: bytes
    """Whatever the plug-in stores; empty where the preset is a list of parameters."""


def write_fxp(plugin_id: bytes, version: int, n_parameters: int, chunk: bytes) -> bytes:
    """Pack what a plug-in stores of a preset as an .fxp file."""
    size = _HEAD.size - 8 + 4 + len(chunk)
    head = _HEAD.pack(b"CcnK", size, b"FPCh", 1, plugin_id, version, n_parameters, b"")
    return head + struct.pack(">I", len(chunk)) + chunk


def write_parameters(plugin_id: bytes, version: int, values: Sequence[float]) -> bytes:
    """Pack the parameters of a plug-in, 0 to 1, as an .fxp file."""
    size = _HEAD.size - 8 + 4 * len(values)
    head = _HEAD.pack(b"CcnK", size, b"FxCk", 1, plugin_id, version, len(values), b"")
    return head + struct.pack(f">{len(values)}f", *values)


def read_fxp(path: Path) -> Fxp:
    """Read an .fxp file.

    Raises:
        EngineError: It is no preset of a VST2 plug-in.
    """
    data = read_limited(path, MAX_PRESET_BYTES)
    if len(data) < _HEAD.size or data[:4] != b"CcnK" or data[8:12] not in (b"FPCh", b"FxCk"):
        raise EngineError(f"{path} is no preset of a plug-in; give an undamaged .fxp file.")
    _, _, kind, _, plugin_id, _, _, name = _HEAD.unpack_from(data)
    (decoded,) = decode_names([name.split(b"\0")[0]])
    chunk = data[_HEAD.size + 4 :] if kind == b"FPCh" else b""
    return Fxp(plugin_id, clean(decoded), chunk)


def list_surge_patch(path: Path) -> list[PresetInfo]:
    """Read what a Surge patch says of itself; its file's name is what Surge's browser shows.

    Raises:
        EngineError: It is no patch of Surge.
    """
    patch = read_fxp(path)
    if patch.plugin_id != SURGE_ID:
        raise EngineError(
            f"{path} is a preset of another plug-in than Surge; name that plug-in, "
            "plugin:PATH?presets=FOLDER."
        )
    meta = _surge_meta(patch.chunk)
    # A category may be a path: Basses/Sub.
    outer, _, inner = meta.get("category", "").rpartition("/")
    category = clean(inner)
    return [
        PresetInfo(
            name=clean(path.stem),
            family=family_of_folder(category) or family_of_folder(outer),
            category=category,
            author=clean(meta.get("author", "")),
            licence=clean(meta.get("license", "")),
        )
    ]


def _surge_meta(chunk: bytes) -> dict[str, str]:
    """Return the attributes of `meta`, none where the header or the XML is damaged."""
    if len(chunk) < _SURGE_HEAD.size:
        return {}
    tag, size = _SURGE_HEAD.unpack_from(chunk)
    text = chunk[_SURGE_HEAD.size : _SURGE_HEAD.size + size] if tag == b"sub3" else chunk
    try:
        meta = ElementTree.fromstring(text.rstrip(b"\0")).find("meta")
    except ElementTree.ParseError:
        return {}
    return {} if meta is None else dict(meta.attrib)
