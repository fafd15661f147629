"""A small note bank: every instrument is one tone, in a band of its family."""

import atexit
import csv
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from cir.types import SAMPLE_RATE, FloatArray

FAMILIES = ("percussion", "bass", "synth_lead")
INSTRUMENTS_PER_FAMILY = 8
NOTES = 4
#: Each family has a band of its own, each instrument one tone in it, whatever the key pressed.
BAND_START_HZ = {"percussion": 2500.0, "bass": 500.0, "synth_lead": 4500.0}
STEP_HZ = 150.0
TONES_HZ = {
    f"{family.replace('_', '-')}-{number}": BAND_START_HZ[family] + number * STEP_HZ
    for family in FAMILIES
    for number in range(INSTRUMENTS_PER_FAMILY)
}
SPLIT_OF_NUMBER = ("test",) * 4 + ("train",) * 3 + ("valid",)


def write_bank(folder: Path, per_family: int = INSTRUMENTS_PER_FAMILY) -> Path:
    """Eight instruments a family, four in the test split; the first train ones have twins too."""
    return Path(shutil.copytree(_bank(per_family), folder, dirs_exist_ok=True))


@cache
def _bank(per_family: int) -> Path:
    """Encode a bank once in each process; to encode takes a second."""
    folder = Path(tempfile.mkdtemp(prefix="cir-tone-bank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "notes").mkdir()
    instruments, notes = [], []
    for instrument_id, tone_hz in TONES_HZ.items():
        name, number = instrument_id.rsplit("-", 1)
        if int(number) >= per_family:
            continue
        split = SPLIT_OF_NUMBER[int(number)]
        instruments.append(
            {
                "instrument_id": instrument_id,
                "name": instrument_id,
                "family": name.replace("-", "_"),
                "category": "Tones",
                "bank": "Test",
                "author": "Nobody",
                "effects": "",
                "polyphony": "Poly",
                "split": split,
                "n_notes": NOTES,
            }
        )
        pieces: list[FloatArray] = []
        for index in range(NOTES + (split == "train")):
            seconds = 0.25 + 0.05 * index
            time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
            sound = 0.9 * np.sin(2 * np.pi * tone_hz * time) * np.exp(-3 * time)
            notes.append(
                {
                    "instrument_id": instrument_id,
                    "index": index,
                    "pitch": 48 + 3 * index,
                    "velocity": 100,
                    "duration_s": seconds,
                    "fx": "on" if index < NOTES else "off",
                    "start": sum(map(len, pieces)),
                    "length": len(sound),
                    "gain_db": 0.0,
                }
            )
            pieces += [sound.astype(np.float32), np.zeros(320, dtype=np.float32)]
        soundfile.write(
            folder / "notes" / f"{instrument_id}.opus",
            np.concatenate(pieces),
            SAMPLE_RATE,
            format="OGG",
            subtype="OPUS",
        )
    for table, rows in (("instruments", instruments), ("notes", notes)):
        with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder
