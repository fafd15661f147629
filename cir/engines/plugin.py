"""Plug-ins that are instruments: VST2 and LV2, hosted by dawdreamer; VST3 and AU, by pedalboard.

Both hosts are GPL 3 and therefore optional. Plug-ins are native code of strangers: they run in
another process, each render in a fresh copy of it, so that the same notes give the same sound and a
crash, a hang or a leak costs one render.
"""

import base64
import importlib.util
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cir.audio.dsp import resample
from cir.engines.base import MAX_PRESET_BYTES, PresetInfo, check_request, mix_in, read_limited
from cir.engines.child import Child, ChildFailed
from cir.engines.lv2 import list_lv2_presets
from cir.errors import EngineError
from cir.text import clean
from cir.types import FloatArray, Note

RENDER_RATE = 48_000
"""Hz. Many plug-ins sound different at other rates, so all are played at this one and resampled."""

LIMIT_SECONDS = 60.0
"""Longest that a plug-in may take to load and to play what is asked for."""

PRESET_SUFFIXES = frozenset({".fxp", ".vstpreset"})

PEDALBOARD_SUFFIXES = frozenset({".vst3", ".component"})
"""Of plug-ins that pedalboard hosts; dawdreamer hosts the others."""

_FOLDERS = {
    "linux": ("~/.vst", "/usr/local/lib/vst", "/usr/lib/vst", "/usr/lib/lxvst"),
    "darwin": ("~/Library/Audio/Plug-Ins/VST", "/Library/Audio/Plug-Ins/VST"),
    "win32": (
        "C:/Program Files/VSTPlugins",
        "C:/Program Files/Steinberg/VSTPlugins",
        "C:/Program Files/Common Files/VST2",
    ),
}
_SUFFIX = {"linux": ".so", "darwin": ".vst", "win32": ".dll"}


@dataclass(frozen=True)
class PluginPreset:
    """A state of a plug-in."""

    name: str
    """What errors call it."""
    data: bytes = b""
    """Content of a preset file; empty: the plug-in's initial sound."""
    suffix: str = ".fxp"
    """Kind of the file."""
    program: int | None = None
    """Which of the VST2 plug-in's own programs, from 0."""
    parameters: Mapping[str, float] = field(default_factory=dict)
    """Values from 0 to 1, by the parameters' names."""


class PluginEngine:
    """A plug-in with one of its presets; an `Engine`.

    Args:
        plugin: Path of the plug-in, or the URI of an LV2 one.
        preset: None plays the plug-in's initial sound.

    Raises:
        EngineError: There is no such plug-in.
    """

    sharing: str = ""
    """What several takes may share, each of them a copy of the process (on Linux): `preset`, a
    plug-in with its preset loaded; `plugin`, the same, and further presets the plug-in. Only known
    plug-ins sound the same then: copies have none of the threads that a plug-in started."""

    def __init__(self, plugin: str | Path, preset: PluginPreset | None = None) -> None:
        self.plugin = str(plugin)
        self.preset = preset or PluginPreset("its initial sound")
        if not (is_lv2(self.plugin) or Path(self.plugin).exists()):
            raise EngineError(
                f"There is no plug-in {self.plugin}; give the path of a VST2, VST3 or AU "
                "instrument, or the URI of an LV2 one."
            )

    @classmethod
    def from_file(cls, plugin: str | Path, preset: Path) -> "PluginEngine":
        """Open a plug-in with a preset file, .fxp or .vstpreset.

        Raises:
            EngineError: There is no such plug-in, or the preset cannot be read.
        """
        suffix = preset.suffix.lower()
        if suffix not in PRESET_SUFFIXES:
            kinds = ", ".join(sorted(PRESET_SUFFIXES))
            raise EngineError(f"{preset} is no preset of a plug-in; give a file of {kinds}.")
        return cls(
            plugin, PluginPreset(preset.stem, read_limited(preset, MAX_PRESET_BYTES), suffix)
        )

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        (take,) = self._render([notes], duration_seconds, sample_rate)
        if take is None:
            raise EngineError(
                f"The plug-in {_name(self.plugin)} produced NaN or infinite samples with "
                f"{self.preset.name}."
            )
        return take

    def render_takes(
        self, takes: Sequence[Sequence[Note]], duration_seconds: float, sample_rate: int
    ) -> list[FloatArray | None]:
        """See `cir.engines.takes`."""
        if self.sharing and sys.platform == "linux":
            return self._render(takes, duration_seconds, sample_rate)
        return [self._render([notes], duration_seconds, sample_rate)[0] for notes in takes]

    def _render(
        self, takes: Sequence[Sequence[Note]], duration_seconds: float, sample_rate: int
    ) -> list[FloatArray | None]:
        """Return the sound of each take; None where it is not finite."""
        asked = [check_request(notes, duration_seconds, sample_rate) for notes in takes]
        origins = [playable[0].start_seconds if playable else 0.0 for playable, _ in asked]
        starts = [round(origin * sample_rate) for origin in origins]
        longest = max(track.size - start for (_, track), start in zip(asked, starts, strict=True))
        frames = math.ceil(longest / sample_rate * RENDER_RATE) + 1
        request = {
            "plugin": self.plugin,
            "preset": base64.b64encode(self.preset.data).decode(),
            "suffix": self.preset.suffix,
            "program": self.preset.program,
            "parameters": dict(self.preset.parameters),
            "takes": [
                [
                    (note.pitch, note.velocity, note.start_seconds - origin, note.duration_seconds)
                    for note in playable
                ]
                for (playable, _), origin in zip(asked, origins, strict=True)
                if playable
            ],
            "frames": frames,
            "rate": RENDER_RATE,
            "keep": self.sharing == "plugin",
        }
        if not request["takes"]:
            return [track for _, track in asked]
        rendered = iter(_ask(request, self.preset.name)[1].reshape(-1, frames))
        sounds: list[FloatArray | None] = []
        for (playable, track), start in zip(asked, starts, strict=True):
            audio = next(rendered) if playable else None
            is_finite = audio is None or bool(np.isfinite(audio).all())
            if audio is not None and is_finite:
                mix_in(track, resample(audio, RENDER_RATE, sample_rate), start)
            sounds.append(track if is_finite else None)
        return sounds


def open_plugin(reference: str) -> PluginEngine:
    """Open `PLUGIN`, `PLUGIN?preset=FILE` or `PLUGIN#PROGRAM`.

    Raises:
        EngineError: There is no such plug-in, or the preset cannot be read.
    """
    plugin, preset = split_preset_file(reference)
    if preset:
        return PluginEngine.from_file(plugin, Path(preset))
    place, _, number = plugin.rpartition("#")
    if place and number.isdecimal():
        return PluginEngine(place, _program(place, int(number)))
    return PluginEngine(plugin)


def split_preset_file(reference: str) -> tuple[str, str]:
    """Split `PLUGIN?preset=FILE`; the file is empty where none is named."""
    plugin, _, preset = reference.partition("?preset=")
    return plugin, preset


def list_programs(plugin: str) -> list[PresetInfo]:
    """List a plug-in's own programs, or its initial sound where it has none.

    Raises:
        EngineError: The plug-in cannot be loaded.
    """
    names: list[str] = []
    if is_lv2(plugin):
        names = [name for name, _ in list_lv2_presets(plugin)]
    elif Path(plugin).suffix.lower() not in PEDALBOARD_SUFFIXES:
        names = _ask({"plugin": plugin, "rate": RENDER_RATE}, "its programs")[0]["programs"]
    if not names:
        return [PresetInfo(_name(plugin))]
    return [
        PresetInfo(clean(name) or f"Program {number}", str(number))
        for number, name in enumerate(names, start=1)
    ]


def _program(plugin: str, number: int) -> PluginPreset:
    if not is_lv2(plugin):
        return PluginPreset(f"program {number}", program=number - 1)
    presets = list_lv2_presets(plugin)
    if not 1 <= number <= len(presets):
        raise EngineError(f"{plugin} has the presets 1 to {len(presets)}, no {number}.")
    name, parameters = presets[number - 1]
    return PluginPreset(name, parameters=parameters)


def check_host(plugin: str | Path) -> None:
    """Raise EngineError where the package that hosts a plug-in is not installed."""
    is_pedalboard = Path(plugin).suffix.lower() in PEDALBOARD_SUFFIXES
    package = "pedalboard" if is_pedalboard else "dawdreamer"
    if importlib.util.find_spec(package) is None:
        raise EngineError(
            f"Plug-ins need the package {package} (GPL 3); run `pip install {package}`."
        )


def is_lv2(plugin: str) -> bool:
    """Whether a plug-in is named by a URI, as LV2 ones are."""
    return plugin.startswith(("http:", "https:", "urn:"))


def find_vst2(name: str, advice: str) -> Path:
    """Find an installed VST2 plug-in by its name; `VST_PATH` names further folders.

    Args:
        name: Of the file, without its suffix.
        advice: How to install it.

    Raises:
        EngineError: It is in none of the folders where plug-ins are installed.
    """
    named = filter(None, os.environ.get("VST_PATH", "").split(os.pathsep))
    platform = sys.platform if sys.platform in _FOLDERS else "linux"
    for folder in (*named, *_FOLDERS[platform]):
        path = Path(folder).expanduser() / f"{name}{_SUFFIX[platform]}"
        if path.exists():
            return path
    raise EngineError(f"The plug-in {name} is not installed; {advice}.")


def _ask(request: dict[str, Any], preset: str) -> tuple[dict[str, Any], FloatArray]:
    plugin = request["plugin"]
    check_host(plugin)
    try:
        answer, audio = _host().ask(request, LIMIT_SECONDS)
    except ChildFailed as error:
        raise EngineError(f"The plug-in {_name(plugin)} {error} with {preset}.") from None
    if "error" in answer:
        raise EngineError(f"The plug-in {_name(plugin)} cannot play {preset}: {answer['error']}.")
    return answer, audio


def _name(plugin: str) -> str:
    return plugin if is_lv2(plugin) else Path(plugin).stem


@cache
def _host() -> Child:
    return Child("cir.engines.plugin_process", fresh=True)
