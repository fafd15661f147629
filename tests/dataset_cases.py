"""Small datasets of every kind, for the contract test."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from cir.engines.soundfont import find_default_bank
from tests.engine_cases import (
    DX10,
    packed_voice,
    write_cartridge,
    write_sfz,
    write_surge_patch,
    write_vital_preset,
)
from tests.tone_bank import write_bank

NSYNTH_INSTRUMENTS = {
    **{f"bass_synthetic_{number:03d}": "bass" for number in range(12)},
    **{f"flute_acoustic_{number:03d}": "flute" for number in range(3)},
}
NSYNTH_PITCHES = (20, 40, 47, 50, 61, 70)
NSYNTH_VELOCITIES = (25, 100)


def write_nsynth(folder: Path, names: dict[str, str] | None = None) -> Path:
    """One split of NSynth; every note is a sine at its pitch, loud as its velocity."""
    (folder / "audio").mkdir(parents=True)
    table = {}
    time = np.arange(16_000) / 16_000
    for name, family in (NSYNTH_INSTRUMENTS if names is None else names).items():
        for pitch in NSYNTH_PITCHES:
            for velocity in NSYNTH_VELOCITIES:
                note = f"{name}-{pitch:03d}-{velocity:03d}"
                table[note] = {
                    "note_str": note,
                    "instrument_str": name,
                    "instrument_family_str": family,
                    "pitch": pitch,
                    "velocity": velocity,
                    "sample_rate": 16_000,
                }
                hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
                sound = velocity / 254 * np.cos(2 * np.pi * hertz * time)
                soundfile.write(folder / "audio" / f"{note}.wav", sound, 16_000)
    (folder / "examples.json").write_text(json.dumps(table), encoding="utf-8")
    return folder


FONT_PRESETS = ((0, 8), (0, 33), (0, 38), (0, 80), (128, 0), (128, 16))


def write_font(path: Path) -> Path:
    """TimGM6mb with all but four presets and two kits moved to a bank that is never listed."""
    font = bytearray(find_default_bank().read_bytes())
    headers_at = font.index(b"phdr")
    (size,) = struct.unpack_from("<I", font, headers_at + 4)
    for number in range(size // 38 - 1):
        at = headers_at + 8 + 38 * number + 20
        program, bank = struct.unpack_from("<HH", font, at)
        if (bank, program) not in FONT_PRESETS:
            struct.pack_into("<H", font, at + 2, 9_999)
    path.write_bytes(font)
    return path


def write_surge_patches(folder: Path) -> Path:
    """A dozen patches, all alike, in two of Surge's folders."""
    patch = write_surge_patch(folder, 'name="Growl"')
    for category in ("Basses", "Leads"):
        (folder / "patches" / category).mkdir(parents=True)
        for number in range(6):
            shutil.copy(patch, folder / "patches" / category / f"Patch {number}.fxp")
    return folder / "patches"


def write_vital_presets(folder: Path) -> Path:
    """One preset with effects in a folder of basses."""
    (folder / "presets" / "Bass").mkdir(parents=True)
    shutil.move(write_vital_preset(folder), folder / "presets" / "Bass" / "Growl.vital")
    return folder / "presets"


def write_voices(folder: Path) -> Path:
    """A cartridge in a folder: ten voices, each softer than the one before."""
    write_cartridge(folder, [packed_voice(f"BASS {n}", level=99 - n) for n in range(10)])
    return folder


SPECS: dict[str, Callable[[Path], str]] = {
    "note bank": lambda folder: f"bank:{write_bank(folder / 'bank')}",
    "nsynth": lambda folder: f"nsynth:{write_nsynth(folder / 'nsynth-valid')}",
    "sound font": lambda folder: f"soundfont:{write_font(folder / 'Small.sf2')}",
    "surge": lambda folder: f"surge:{write_surge_patches(folder)}",
    "vital": lambda folder: f"vital:{write_vital_presets(folder)}",
    "generated": lambda folder: "generated:2",
    "dx7": lambda folder: f"dx7:{write_voices(folder)}",
    "sfz": lambda folder: f"sfz:{write_sfz(folder)}",
    "plug-in": lambda folder: f"plugin:{DX10}",
}
