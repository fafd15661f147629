"""Small instruments for the tests of the engines: a note bank, samples, presets."""

import csv
import importlib
import importlib.util
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_opus, save_wav
from cir.engines.fxp import SURGE_ID, write_fxp
from cir.types import FloatArray

INSTRUMENT_COLUMNS = [
    "instrument_id",
    "name",
    "family",
    "category",
    "bank",
    "author",
    "effects",
    "polyphony",
    "split",
    "n_notes",
]
NOTE_COLUMNS = [
    "instrument_id",
    "index",
    "pitch",
    "velocity",
    "duration_s",
    "fx",
    "start",
    "length",
    "gain_db",
]

HAS_TINYSOUNDFONT = importlib.util.find_spec("tinysoundfont") is not None
HAS_VITA = importlib.util.find_spec("vita") is not None
HAS_DEXED = importlib.util.find_spec("dexed") is not None
HAS_DAWDREAMER = importlib.util.find_spec("dawdreamer") is not None
VST2 = Path("/usr/lib/vst")
LV2 = Path("/usr/lib/lv2")
DX10 = "http://drobilla.net/plugins/mda/DX10"
"""Of the Debian package mda-lv2."""
AMSYNTH_BANK = Path("/usr/share/amsynth/banks/amsynth_factory.bank")
ZYN_BANKS = Path("/usr/share/zynaddsubfx/banks")


def needs_plugin(*files: Path) -> pytest.MarkDecorator:
    """Skip where dawdreamer, or a file of a Debian package with a plug-in, is not installed."""
    are_there = HAS_DAWDREAMER and all(file.exists() for file in files)
    return pytest.mark.skipif(not are_there, reason=f"needs dawdreamer and {files[0]}")


def tone(pitch: int, seconds: float, sample_rate: int, level: float = 0.9) -> FloatArray:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    hertz = 440.0 * float(2.0 ** ((pitch - 69) / 12.0))
    return np.asarray(level * np.sin(2 * np.pi * hertz * time), dtype=np.float32)


def dominant_pitch(audio: FloatArray, sample_rate: int) -> int:
    """The MIDI note number of the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(audio.size)))
    hertz = float(np.argmax(spectrum)) * sample_rate / audio.size
    return round(69 + 12 * float(np.log2(hertz / 440.0)))


def write_note_bank(folder: Path) -> Path:
    """An instrument `sine`: pitches 60 (velocities 100 and 40) and 72 of one second, and a twin."""
    rows = [  # index, pitch, velocity, fx, gain_db
        (0, 60, 100, "on", 0.0),
        (1, 60, 40, "on", 20.0),
        (2, 72, 100, "on", 0.0),
        (3, 48, 100, "off", 0.0),
    ]
    with (folder / "instruments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(INSTRUMENT_COLUMNS)
        writer.writerow(
            ["sine", "Sine", "synth_lead", "Leads", "factory", "A", "", "Poly", "train", 4]
        )
        writer.writerow(["mute", "No notes", "", "Leads", "factory", "A", "", "Poly", "train", 0])
    notes: list[FloatArray] = []
    start = 0
    with (folder / "notes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NOTE_COLUMNS)
        for index, pitch, velocity, fx, gain_db in rows:
            sound = tone(pitch, 1.0, 16_000)
            writer.writerow(["sine", index, pitch, velocity, 1.0, fx, start, sound.size, gain_db])
            notes += [sound, np.zeros(320, np.float32)]
            start += sound.size + 320
    save_opus(folder / "notes" / "sine.opus", np.concatenate(notes), 16_000, compression=0.0)
    return folder


def write_samples(folder: Path) -> Path:
    """Sines at C3 (48) and C5 (72), each of a second."""
    save_wav(folder / "Sine C3.wav", tone(48, 1.0, 44_100), 44_100)
    save_wav(folder / "Sine C5.wav", tone(72, 1.0, 22_050), 22_050)
    return folder


def write_surge_patch(folder: Path, meta: str = 'name="Growl" category="Basses"') -> Path:
    """A file that the double of surgepy loads, with what a patch of Surge says of itself."""
    path = folder / "patch.fxp"
    xml = f'<?xml version="1.0"?><patch revision="22"><meta {meta}/></patch>'.encode()
    chunk = struct.pack("<4sI24x", b"sub3", len(xml)) + xml
    path.write_bytes(write_fxp(SURGE_ID, 1, 1, chunk))
    return path


def packed_voice(name: str, *, level: int = 99) -> bytes:
    """A voice of a DX7 as in a cartridge: one sine at its pitch, held while its key is."""
    silent = bytes([99, 99, 99, 99, 99, 99, 99, 0, 39, 0, 0, 0, 0x38, 0, 0, 2, 0])
    sine = silent[:14] + bytes([level]) + silent[15:]
    common = bytes([99, 99, 99, 99, 50, 50, 50, 50, 31, 8, 35, 0, 0, 0, 0, 24])
    return silent * 5 + sine + common + name.ljust(10).encode("ascii")


def write_cartridge(folder: Path, voices: Sequence[bytes] = ()) -> Path:
    """A cartridge of a DX7: the voices given, or one sine, and else `INIT VOICE`."""
    path = folder / "cartridge.syx"
    voices = [*(voices or [packed_voice("SINE")])]
    voices += [packed_voice("INIT VOICE")] * (32 - len(voices))
    data = b"".join(voices)
    path.write_bytes(b"\xf0\x43\x00\x09\x20\x00" + data + bytes([-sum(data) & 127]) + b"\xf7")
    return path


def write_sfz(folder: Path, text: str = "") -> Path:
    """An SFZ instrument of two sines, at C3 (48) and C5 (72), each for its half of the keys."""
    write_samples(folder)
    path = folder / "Sine.sfz"
    path.write_text(
        text
        or "<global> ampeg_release=0.1\n"
        "<region> sample=Sine C3.wav hikey=59 pitch_keycenter=48\n"
        "<region> sample=Sine C5.wav lokey=60 pitch_keycenter=c5\n"
    )
    return path


def write_vital_preset(folder: Path) -> Path:
    """The initial preset of Vital, with random phases, unison and effects on."""
    synth = importlib.import_module("vita").Synth()
    controls = synth.get_controls()
    for name, value in {
        "osc_1_random_phase": 1.0,
        "osc_1_unison_voices": 3.0,
        "reverb_on": 1.0,
        "chorus_on": 1.0,
    }.items():
        controls[name].set(value)
    path = folder / "preset.vital"
    path.write_text(synth.to_json(), encoding="utf-8")
    return path
