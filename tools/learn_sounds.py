"""Make the sounds of the Learn tab: `python -m tools.learn_sounds $CIR_DATA/surge`.

Instruments and scenes are drawn by seed and none is left out, so that they are not selected by a
model's results. All are from the test split, which no model is trained on.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cir.audio.io import save_opus
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import CirError
from cir.files import replacing
from cir.index.database import InstrumentDatabase
from cir.instruments.families import family_label
from cir.instruments.note_bank import NoteBank
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.render import Mixture, draw_mixture
from cir.types import SAMPLE_RATE
from cir.ui.learn.sounds import LEARN_FILE, learn_folder

FIRST_SEED = 600
FAMILIES = ("percussion", "bass", "synth_lead", "synth_pad", "synth_effects", "piano", "guitar")
"""Families with enough instruments in the test split."""
PER_FAMILY = 4
SCENES: tuple[tuple[str, ...], ...] = (
    ("percussion", "bass", "synth_lead"),
    ("percussion", "bass", "piano", "synth_pad"),
)
"""Families of each scene, with seeds from `FIRST_SEED` on."""

_STEM_PEAK = 0.9
_LEAST_SEMITONES, _LEAST_SECONDS = 5, 0.8


def make_sounds(bank: NoteBank, database: InstrumentDatabase, folder: Path) -> Path:
    """Write notes, stems and `learn.json`; the same draw whenever the bank is the same.

    Args:
        bank: Source of the notes.
        database: Source of the instruments' metadata.
        folder: Target folder, created if missing; other files in it stay.

    Returns:
        Path of `learn.json`.

    Raises:
        DataError: The bank lacks a family or a sound file.
        InputError: The database lacks an instrument of the bank.
    """
    dataset = NoteBankDataset(bank.folder)
    pool = NotePool.from_datasets([dataset], split="test", families=FAMILIES)
    scenes = []
    ids: dict[str, None] = {}
    for number, families in enumerate(SCENES, start=1):
        config = MixtureConfig(families=families, percussion_gain_db=3.0)
        mixture = draw_mixture(FIRST_SEED + number - 1, pool, config)
        scenes.append(_write_scene(number, mixture, folder))
        ids.update(dict.fromkeys(mixture.plan.instrument_ids))
    ids.update(dict.fromkeys(_draw_instruments(bank)))
    rows = [_write_notes(instrument_id, bank, database, folder) for instrument_id in ids]
    with replacing(folder / LEARN_FILE) as temporary:
        table = {"first_seed": FIRST_SEED, "instruments": rows, "scenes": scenes}
        temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return folder / LEARN_FILE


def _draw_instruments(bank: NoteBank) -> list[str]:
    generator = np.random.default_rng(FIRST_SEED)
    drawn: list[str] = []
    for family in FAMILIES:
        names = sorted(
            row.instrument_id
            for row in bank.instruments
            if row.split == "test" and row.family == family
        )
        drawn += [names[row] for row in generator.permutation(len(names))[:PER_FAMILY]]
    return drawn


def _write_notes(
    instrument_id: str, bank: NoteBank, database: InstrumentDatabase, folder: Path
) -> dict[str, Any]:
    """Write the reference note and another note of an instrument; return its row."""
    notes = bank.notes(instrument_id)
    audio = bank.audio(instrument_id)
    away = [
        row
        for row, note in enumerate(notes)
        if abs(note.pitch - notes[0].pitch) >= _LEAST_SEMITONES
        and note.duration_seconds >= _LEAST_SECONDS
    ]
    rows = []
    for number, row in enumerate((0, away[0] if away else 1), start=1):
        name = f"{instrument_id}-{number}.opus"
        save_opus(folder / name, audio[row], SAMPLE_RATE)
        rows.append({"file": name, "pitch": notes[row].pitch})
    return {"instrument": asdict(database.get(instrument_id)), "notes": rows}


def _write_scene(number: int, mixture: Mixture, folder: Path) -> dict[str, Any]:
    """Write the stems of a mixture, scaled by one factor; return its row."""
    plan = mixture.plan
    loudest = float(np.abs(mixture.stems).max())
    scale = np.float32(_STEM_PEAK / max(loudest, float(np.abs(mixture.mix).max())))
    rows = []
    for family, name, stem in zip(plan.families, plan.instrument_ids, mixture.stems, strict=True):
        file = f"scene-{number}-{family}.opus"
        save_opus(folder / file, stem * scale, SAMPLE_RATE)
        rows.append({"instrument_id": name, "file": file})
    return {"title": _title([str(family) for family in plan.families]), "stems": rows}


def _title(families: Sequence[str]) -> str:
    return ", ".join(family_label(family) for family in families).capitalize()


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description="Make the sounds of the Learn tab.")
    parser.add_argument("bank", type=Path, help="a note bank")
    parser.add_argument("--out", type=Path, default=learn_folder())
    arguments = parser.parse_args()
    try:
        with InstrumentDatabase.open() as database:
            print(make_sounds(NoteBank.open(arguments.bank), database, arguments.out))
    except CirError as error:
        sys.exit(f"tools.learn_sounds: {error}")


if __name__ == "__main__":
    main()
