"""Banks of amsynth (.bank, text), played by its VST2 plug-in."""

import re
from pathlib import Path

from cir.engines.base import PresetInfo, read_limited
from cir.engines.fxp import write_fxp
from cir.engines.plugin import PluginEngine, PluginPreset, check_host, find_vst2
from cir.errors import EngineError
from cir.text import clean

_MAX_BYTES = 4 << 20
_HEADER = "amSynth"
_PRESET = re.compile(r"^<preset> <name> (.*)$", re.MULTILINE)
_UNUSED = frozenset({"", "New Preset"})
"""Names of places in a bank that hold no preset."""

_ADVICE = "on Debian and Ubuntu: apt install amsynth; elsewhere build it, amsynth.github.io"


class AmsynthEngine(PluginEngine):
    """One preset of a bank; an `Engine`.

    Args:
        path: A bank file of amsynth.
        number: Of the preset, from 1.

    Raises:
        EngineError: Amsynth or the file is missing, or the bank has no such preset.
    """

    sharing = "plugin"

    def __init__(self, path: str | Path, number: int) -> None:
        presets = _read_bank(Path(path))
        if not 1 <= number <= len(presets):
            raise EngineError(f"{path} has the presets 1 to {len(presets)}, no {number}.")
        name, text = presets[number - 1]
        chunk = f"amSynth1.0preset\n{text}".encode("latin-1")
        data = write_fxp(b"amsy", 0, 41, chunk)
        super().__init__(find_vst2("amsynth_vst", _ADVICE), PluginPreset(name, data))


def check_amsynth() -> None:
    """Raise EngineError where amsynth or the host of its plug-in is not installed."""
    check_host(find_vst2("amsynth_vst", _ADVICE))


def list_amsynth_bank(path: Path) -> list[PresetInfo]:
    """List the presets of a bank; its reference is a preset's number, from 1.

    Raises:
        EngineError: It is no bank of amsynth.
    """
    return [
        PresetInfo(name=name, reference=str(number))
        for number, (name, _) in enumerate(_read_bank(path), start=1)
        if name not in _UNUSED
    ]


def _read_bank(path: Path) -> list[tuple[str, str]]:
    """Return name and lines of each preset."""
    text = read_limited(path, _MAX_BYTES).decode("latin-1").replace("\r\n", "\n")
    found = list(_PRESET.finditer(text))
    if not text.startswith(_HEADER) or not found:
        raise EngineError(f"{path} is no bank of amsynth; give an undamaged .bank file.")
    presets = []
    ends = [*(one.start() for one in found[1:]), len(text)]
    for one, end in zip(found, ends, strict=True):
        lines = text[one.start() : end].rstrip("\nEOF") + "\n"
        presets.append((clean(one[1]), lines))
    return presets
