"""Bundled notes of synthesizer patches with their effects on and off.

They are from patches of Surge (GPL-3.0-or-later; the authors are in the catalogue of the bundled
database). `python -m cir.teaching.twins FOLDER` made them.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from cir.audio.io import load_audio, save_opus
from cir.index.database import InstrumentDatabase
from cir.instruments.note_bank import NoteBank
from cir.types import SAMPLE_RATE, FloatArray, Instrument

FOLDER = Path(__file__).parents[1] / "assets" / "teaching"
INSTRUMENT_IDS = (
    "argitoth-keys-gumdrops",
    "bluelight-leads-zappa-digilead",
    "factory-basses-dist-bass-2",
    "dan-maurer-pads-lush-pwm-strings",
)


@dataclass(frozen=True, eq=False)
class Twin:
    """The reference note of a patch and that of its effects-off twin."""

    instrument: Instrument
    effects_on: FloatArray
    """Mono at 16 kHz, (T,)."""
    effects_off: FloatArray


def load_twins() -> list[Twin]:
    """Read all bundled pairs."""
    with InstrumentDatabase.open() as database:
        return [
            Twin(
                database.get(name),
                *(load_audio(_path(name, state), sample_rate=SAMPLE_RATE)[0] for state in _STATES),
            )
            for name in INSTRUMENT_IDS
        ]


def make_twins(folder: Path) -> None:
    """Write the files from a note bank of Surge patches with effects-off twins."""
    bank = NoteBank.open(folder)
    for name in INSTRUMENT_IDS:
        for state in _STATES:
            audio = bank.audio(name, effects_on=state == "on")[0]
            save_opus(_path(name, state), audio, SAMPLE_RATE)


def _path(instrument_id: str, state: str) -> Path:
    return FOLDER / f"{instrument_id}-{state}.opus"


_STATES = ("on", "off")

if __name__ == "__main__":
    make_twins(Path(sys.argv[1]))
