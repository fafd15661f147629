"""Small instruments for the tests of the engines: a note bank, samples, presets."""

import csv
import importlib
import importlib.util
from pathlib import Path

import numpy as np

from cir.audio.io import save_opus, save_wav
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


def write_surge_patch(folder: Path) -> Path:
    """A file that the double of surgepy loads."""
    path = folder / "patch.fxp"
    path.write_bytes(b"CcnK")
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
