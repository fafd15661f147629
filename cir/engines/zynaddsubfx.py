"""Instruments of ZynAddSubFX and Yoshimi (.xiz), played by the VST2 plug-in of ZynAddSubFX."""

import gzip
import re
import zlib
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from cir.engines.base import PresetInfo, read_limited
from cir.engines.fxp import write_fxp
from cir.engines.plugin import PluginEngine, PluginPreset, check_host, find_vst2
from cir.errors import EngineError
from cir.text import clean

_MAX_BYTES = 4 << 20
_MAX_XML_BYTES = 32 << 20
_ROOT = b"<ZynAddSubFX-data"
_GZIP = b"\x1f\x8b"

_TYPES = {
    1: "piano",
    2: "percussion",
    3: "organ",
    4: "guitar",
    5: "bass",
    6: "strings",
    7: "strings",
    8: "brass",
    9: "reed",
    10: "pipe",
    11: "synth_lead",
    12: "synth_pad",
    13: "synth_effects",
    15: "percussion",
    16: "synth_effects",
}
"""Family of each type that ZynAddSubFX lists; 14 is Ethnic."""

_MASTER = (("par", "volume", "80"), ("par", "key_shift", "64"))
_PART = (
    ("par_bool", "enabled", "yes"),
    ("par", "volume", "96"),
    ("par", "panning", "64"),
    ("par", "min_key", "0"),
    ("par", "max_key", "127"),
    ("par", "key_shift", "64"),
    ("par", "rcv_chn", "0"),
    ("par", "velocity_sensing", "64"),
    ("par", "velocity_offset", "64"),
    ("par_bool", "note_on", "yes"),
    ("par_bool", "poly_mode", "yes"),
    ("par", "legato_mode", "0"),
    ("par", "key_limit", "15"),
)
_NUMBER = re.compile(r"^\d{4}-")
_ADVICE = (
    "on Debian and Ubuntu: apt install zynaddsubfx-vst; elsewhere from zynaddsubfx.sourceforge.io"
)


class ZynAddSubFXEngine(PluginEngine):
    """One instrument; an `Engine`.

    Args:
        path: An .xiz file.

    Raises:
        EngineError: ZynAddSubFX or the file is missing, it is no instrument, or it is a drum kit.
    """

    sharing = "preset"  # its presets are loaded by one of its threads

    def __init__(self, path: str | Path) -> None:
        file = Path(path)
        root, instrument = _read(file)
        if instrument.find("INSTRUMENT_KIT/par_bool[@name='drum_mode'][@value='yes']") is not None:
            raise EngineError(f"{file} is a drum kit: each key plays another sound.")
        root.remove(instrument)
        for old in root.findall("MASTER"):
            root.remove(old)
        master = _with_values(SubElement(root, "MASTER"), _MASTER)
        _with_values(SubElement(master, "PART", id="0"), _PART).append(instrument)
        document = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
        data = write_fxp(b"ZASF", 0x00030006, 16, b"state\0" + document + b"\0")
        super().__init__(find_vst2("ZynAddSubFX", _ADVICE), PluginPreset(file.stem, data))


def check_zyn() -> None:
    """Raise EngineError where ZynAddSubFX or the host of its plug-in is not installed."""
    check_host(find_vst2("ZynAddSubFX", _ADVICE))


def list_zyn_instrument(path: Path) -> list[PresetInfo]:
    """Read what an instrument says of itself; banks show the name of its file, less its number.

    Raises:
        EngineError: It is no instrument of ZynAddSubFX.
    """
    _, instrument = _read(path)
    info = {one.get("name"): one for one in instrument.findall("INFO/*")}
    kind = info.get("type")
    author = info.get("author")
    number = 0 if kind is None else int(kind.get("value") or 0)
    return [
        PresetInfo(
            name=zyn_name(path.stem),
            family=_TYPES.get(number),
            author="" if author is None else clean(author.text or ""),
        )
    ]


def zyn_name(stem: str) -> str:
    """Return the name of an instrument from that of its file: `0012-Slap Bass` -> `Slap Bass`."""
    return clean(_NUMBER.sub("", stem))


def _read(path: Path) -> tuple[Element, Element]:
    """Return the document of an instrument file and its instrument."""
    data = read_limited(path, _MAX_BYTES)
    try:
        if data[:2] == _GZIP:
            with gzip.open(path) as file:
                data = file.read(_MAX_XML_BYTES)
        # Some declare the XML version 1.0f, or begin with an empty line.
        root = ElementTree.fromstring(data[max(0, data.find(_ROOT)) :])
        instrument = root.find("INSTRUMENT")
    except (OSError, EOFError, zlib.error, ElementTree.ParseError, ValueError, LookupError):
        instrument = None
    if instrument is None:
        raise EngineError(f"{path} is no instrument of ZynAddSubFX; give an undamaged .xiz file.")
    return root, instrument


def _with_values(element: Element, values: tuple[tuple[str, str, str], ...]) -> Element:
    for tag, name, value in values:
        SubElement(element, tag, name=name, value=value)
    return element
