"""Where a person finds an instrument in the browser of its synthesizer, and how to load it."""

from pathlib import PurePosixPath

from cir.types import Instrument

_SURGE_SOURCES = ("surge", "surge-xt")
_SURGE_FACTORY = "Surge factory"
_RECORDED = "bank"
"""Scheme of instruments whose recorded notes are searched; their source tells the synthesizer."""
_SEPARATOR = " > "
_NUMBERED = {"dx7": "Voice", "amsynth": "Preset", "plugin": "Program"}
"""What the numbers of presets in a file count."""

_HOW_TO_LOAD = {
    "soundfont": "Load the sound font in a player such as FluidSynth, choose the bank and program.",
    "vital": "In Vital: menu beside the preset's name, Open External Preset.",
    "surge": "In Surge: menu of the patch's name, Load Patch from File.",
    "dx7": "In Dexed: CART, browse to the cartridge, double-click the voice.",
    "zyn": "In ZynAddSubFX: Instrument, Load Instrument; a bank's folder is one of the banks.",
    "amsynth": "In amsynth: Preset, Select Bank, then the number of the preset.",
    "sfz": "Load the file in a sampler such as sfizz.",
    "plugin": "In the plug-in's window: its list of programs, or load the preset file.",
}
_HOW_TO_LOAD_RECORDED = {
    **dict.fromkeys(_SURGE_SOURCES, "In Surge: the menus of its patch browser."),
    "zynaddsubfx": "In ZynAddSubFX: Instrument, Show Instrument Bank; the bank, then its name.",
    "mda": "In a host of LV2 plug-ins: load the plug-in, then choose the preset from its list.",
}
"""By source."""


def preset_path(instrument: Instrument) -> str:
    """Return the path to an instrument, from the outermost menu inwards.

    | source | path |
    |---|---|
    | Surge, its own patches | `Factory > Basses > Attacky` |
    | Surge, patches of others | `Third Party > Zoozither > Basses > Godfather` |
    | a sound font | `TimGM6mb.sf2 > Bank 0 > Program 40 > Violin` |
    | one key of a sound font's kit | `... > Bank 128 > Program 0 > Key 38 > Standard kit, snare` |
    | a voice of a DX7 cartridge | `rom1a.syx > Voice 11 > E.PIANO 1` |
    | a preset of an amsynth bank | `PatriksBank01.bank > Preset 1 > Rockin' Piano` |
    | an instrument of ZynAddSubFX | `Bass > 0001-Bass 1.xiz` |
    | a plug-in's own program | `amsynth_vst.so > Program 3 > basic13` |
    | the same, from its own banks | `Collection > Overdrive` |
    | a preset of an mda plug-in | `mda-lv2 JX10 > 5th Sweep Pad` |
    | a preset or samples in a file or folder | that file or folder |
    | anything else | `BANK > CATEGORY > NAME` |
    """
    scheme, _, reference = instrument.engine.partition(":")
    if instrument.source in _SURGE_SOURCES:
        if instrument.bank == _SURGE_FACTORY:
            return _join("Factory", instrument.category, instrument.name)
        return _join("Third Party", instrument.bank, instrument.category, instrument.name)
    if scheme == _RECORDED and instrument.source == "zynaddsubfx":
        return _join(instrument.category, instrument.name)
    if scheme == _RECORDED and instrument.source == "mda":
        return _join(instrument.bank, instrument.name)
    place, mark, numbers = reference.rpartition("#")
    if not mark:
        place, numbers = reference, ""
    if scheme == "soundfont":
        labels = zip(("Bank", "Program", "Key"), numbers.split("/"), strict=False)
        steps = [f"{label} {number}" for label, number in labels if number]
        return _join(PurePosixPath(place).name, *steps, instrument.name)
    if scheme in _NUMBERED and numbers.isdecimal():
        return _join(PurePosixPath(place).name, f"{_NUMBERED[scheme]} {numbers}", instrument.name)
    if scheme == "zyn":
        return _join(*PurePosixPath(reference).parts[-2:])
    if scheme == "plugin":
        plugin, _, preset = reference.partition("?preset=")
        return preset or _join(PurePosixPath(plugin).name, instrument.name)
    if scheme in ("vital", "surge", "sfz", "samples") and reference:
        return reference
    return _join(instrument.bank, instrument.category, instrument.name)


def how_to_load(instrument: Instrument) -> str:
    """Say in a sentence how to load an instrument; nothing for what no synthesizer plays."""
    scheme = instrument.engine.partition(":")[0]
    if scheme == _RECORDED:
        return _HOW_TO_LOAD_RECORDED.get(instrument.source, "")
    return _HOW_TO_LOAD.get(scheme, "")


def _join(*steps: str) -> str:
    return _SEPARATOR.join(step for step in steps if step)
