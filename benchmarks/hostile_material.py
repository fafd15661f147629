"""Small valid inputs of each kind, from which hostile ones are made."""

import json
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf

from cir.audio.io import save_opus, save_wav
from cir.library.database_archive import export_archive
from cir.library.sounds import Labels, add_sounds
from cir.types import SAMPLE_RATE
from tests.fakes import SpectrumEncoder, tone


def make_sounds(folder: Path) -> list[Path]:
    """Write a sound in each format."""
    save_wav(folder / "tone.wav", tone(220.0, 0.2), SAMPLE_RATE)
    save_opus(folder / "tone.opus", tone(220.0, 0.2), SAMPLE_RATE)
    for name in ("tone.flac", "tone.ogg", "tone.mp3", "tone.aiff", "tone.caf", "tone.w64"):
        sf.write(folder / name, tone(220.0, 0.2), SAMPLE_RATE)
    return sorted(folder.glob("tone.*"))


def make_database(folder: Path) -> Path:
    """Write a database of two sounds, and its export beside it, `folder`.zip."""
    sounds = folder.with_name("kit")
    for name, hertz in (("Basses/low.wav", 80.0), ("Leads/high.wav", 900.0)):
        save_wav(sounds / name, tone(hertz, 0.2), SAMPLE_RATE)
    add_sounds(folder, SpectrumEncoder(), [sounds], Labels(author="Ada"))
    export_archive(folder, folder.with_suffix(".zip"))
    return folder


def make_note_bank(folder: Path) -> Path:
    """Write a bank of one instrument with two notes."""
    (folder / "notes").mkdir(parents=True)
    save_opus(folder / "notes" / "one.opus", tone(220.0, 0.2), SAMPLE_RATE)
    (folder / "instruments.csv").write_text(
        "instrument_id,name,family,category,bank,author,effects,polyphony,split,n_notes\n"
        "one,One,bass,Basses,Bank,Ada,,Poly,train,2\n"
    )
    (folder / "notes.csv").write_text(
        "instrument_id,index,pitch,velocity,duration_s,fx,start,length,gain_db\n"
        "one,0,57,100,0.1,on,0,1600,0.0\none,1,60,90,0.1,on,1600,1600,-3.0\n"
    )
    return folder


def make_preset(path: Path) -> Path:
    """Write the least that is read as a preset of Vital."""
    settings = {"osc_1_on": 1.0, "reverb_on": 0.0, "wavetables": [], "modulations": []}
    preset = {"author": "Ada", "preset_style": "Bass", "settings": settings, "synth_version": "1"}
    path.write_text(json.dumps(preset))
    return path


def make_sound_font(path: Path) -> Path:
    """Write a sound font with one preset of one looped sample."""
    samples = (20_000 * np.sin(2 * np.pi * np.arange(400) / 50)).astype("<i2").tobytes() + bytes(92)
    presets = [struct.pack("<20sHHHIII", b"Fl\xfbte", 33, 0, 0, 0, 0, 0)]
    presets.append(struct.pack("<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0))
    headers = [struct.pack("<20sIIIIIBbHH", b"sine", 0, 400, 50, 350, SAMPLE_RATE, 57, 0, 0, 1)]
    headers.append(struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0))
    tables = {
        b"phdr": b"".join(presets),
        b"pbag": struct.pack("<HHHH", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<HHHH", 41, 0, 0, 0),
        b"inst": struct.pack("<20sH20sH", b"sine", 0, b"EOI", 1),
        b"ibag": struct.pack("<HHHH", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<HHHHHH", 54, 1, 53, 0, 0, 0),
        b"shdr": b"".join(headers),
    }
    info = _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"IENG", b"Zo\xeb\0")
    body = b"sfbk" + _chunk(b"LIST", b"INFO" + info)
    body += _chunk(b"LIST", b"sdta" + _chunk(b"smpl", samples))
    body += _chunk(b"LIST", b"pdta" + b"".join(_chunk(*table) for table in tables.items()))
    path.write_bytes(_chunk(b"RIFF", body))
    return path


def make_zip(path: Path, sounds: Sequence[Path], packed: int) -> Path:
    """Write an archive of sounds that holds another archive of them."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        for number, sound in enumerate(sounds):
            archive.write(sound, f"Pack {number}/Basses/{sound.name}")
    inner = path.read_bytes()
    with zipfile.ZipFile(path, "a", packed) as archive:
        archive.writestr("Inner/more.zip", inner)
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
