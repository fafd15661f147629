"""The kinds of files that engines play, and what each file holds.

A *target* is an engine reference without its preset: `dx7:rom1a.syx`, `plugin:/usr/lib/vst/X.so`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cir.engines.amsynth import check_amsynth, list_amsynth_bank
from cir.engines.base import MAX_PRESET_BYTES, PresetInfo, read_limited
from cir.engines.dx7 import import_dexed, list_dx7_voices
from cir.engines.fxp import list_surge_patch
from cir.engines.plugin import (
    PRESET_SUFFIXES,
    check_host,
    is_lv2,
    list_programs,
    split_preset_file,
)
from cir.engines.sfz import list_sfz
from cir.engines.soundfont import SoundFontBank, import_tinysoundfont
from cir.engines.surge import import_surgepy
from cir.engines.vital import import_vita, read_preset
from cir.engines.zynaddsubfx import check_zyn, list_zyn_instrument, zyn_name
from cir.errors import InputError
from cir.instruments.families import family_of_folder
from cir.text import clean

PLUGIN_SCHEME = "plugin"
_PRESETS = "?presets="


@dataclass(frozen=True)
class Kind:
    """One kind of file, by the scheme of its engine references."""

    list_presets: Callable[[Path], list[PresetInfo]]
    check: Callable[[], object]
    """Raises EngineError where the engine is not installed."""


def _list_soundfont(path: Path) -> list[PresetInfo]:
    return [
        PresetInfo(
            name=one.name,
            reference=one.engine.rpartition("#")[2],
            family=one.family,
            category=one.category,
            author=one.author,
            licence=one.licence,
        )
        for one in SoundFontBank(path).instruments()
    ]


def _list_vital(path: Path) -> list[PresetInfo]:
    preset = read_preset(read_limited(path, MAX_PRESET_BYTES), path.name)
    family = family_of_folder(preset.preset_style)
    return [PresetInfo(path.stem, family=family, author=preset.author)]


KINDS = {
    "soundfont": Kind(_list_soundfont, import_tinysoundfont),
    "vital": Kind(_list_vital, import_vita),
    "surge": Kind(list_surge_patch, import_surgepy),
    "dx7": Kind(list_dx7_voices, import_dexed),
    "zyn": Kind(list_zyn_instrument, check_zyn),
    "amsynth": Kind(list_amsynth_bank, check_amsynth),
    "sfz": Kind(list_sfz, lambda: None),
}


def list_presets(target: str, stem: str = "") -> list[PresetInfo]:
    """List the presets of a target.

    Args:
        target: The file, or a plug-in.
        stem: The file's own name, where it lies under another now, without its ending.

    Raises:
        EngineError: Its engine is not installed, or it cannot be read.
    """
    scheme, _, rest = target.partition(":")
    if scheme != PLUGIN_SCHEME:
        kind = KINDS[scheme]
        presets = kind.list_presets(Path(rest))
        kind.check()
        if stem and not presets[0].reference:
            name = zyn_name(stem) if kind is KINDS["zyn"] else clean(stem)
            presets = [replace(presets[0], name=name)]
        return presets
    plugin, preset = split_preset_file(rest)
    check_host(plugin)
    return [PresetInfo(Path(preset).stem)] if preset else list_programs(plugin)


def plugin_targets(source: str) -> list[tuple[str, Path, Path]]:
    """List what a source `plugin:PLUGIN[?presets=FOLDER]` holds.

    Returns:
        Of each preset file its target, the file and the folder that it was found in; without a
        folder of presets, the plug-in itself.

    Raises:
        InputError: There is no such plug-in, or no preset.
    """
    plugin, _, folder_text = source.removeprefix(f"{PLUGIN_SCHEME}:").partition(_PRESETS)
    if not is_lv2(plugin):
        path = Path(plugin).expanduser().resolve()
        plugin = str(path)
        if not path.exists():
            raise InputError(
                f"There is no plug-in {plugin}; give plugin:PATH of a VST2, VST3 or AU "
                "instrument, or plugin:URI of an LV2 one."
            )
    if not folder_text:
        return [(f"{PLUGIN_SCHEME}:{plugin}", Path(plugin), Path(plugin).parent)]
    folder = Path(folder_text).expanduser().resolve()
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PRESET_SUFFIXES]
    if not files:
        raise InputError(
            f"{folder} holds no presets of a plug-in; give a folder of .fxp or .vstpreset files."
        )
    return [(f"{PLUGIN_SCHEME}:{plugin}?preset={file}", file, folder) for file in files]
