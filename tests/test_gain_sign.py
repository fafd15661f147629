"""`gain_db` has one sign: what was added to bring a note to its peak. A soft note has more of it.

The column of a published note bank had the other sign for months, and nothing noticed: every level
within an instrument was upside down.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression

import numpy as np
import pytest

from cir.audio.bands import BandConfig
from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.datasets.note_bank_writer import write_note_bank
from cir.datasets.recorded import record
from cir.engines.note_bank import NoteBankEngine
from cir.instruments.note_bank import NoteBank
from cir.mixtures.pool import NotePool
from cir.training.feature_cache import FeatureCache
from cir.types import SAMPLE_RATE, FloatArray, Note
from tests.engine_cases import tone
from tests.shared_data import SURGE, SURGE_XT, needs_shared

PEAKS = {60: 0.5, 67: 0.05}
"""Of a loud note and of one that is 20 dB softer, by pitch."""


class TwoLevels:
    """One instrument that plays a loud note and a soft one."""

    name = fingerprint = "two-levels"

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        return [DatasetInstrument("one", "bass", "train")] if split == "train" else []

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        notes = [
            record(pitch, tone(pitch, 1.0, SAMPLE_RATE, peak)) for pitch, peak in PEAKS.items()
        ]
        return [note for note in notes if note is not None]

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        return self.notes(instrument)[0]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> NoteBank:
    folder = tmp_path_factory.mktemp("banks") / "two-levels"
    write_note_bank(TwoLevels(), folder, splits=("train",))
    return NoteBank.open(folder)


def peak(audio: FloatArray) -> float:
    return float(np.abs(audio).max())


def test_a_soft_note_had_more_added(bank: NoteBank) -> None:
    loud, soft = TwoLevels().notes(TwoLevels().instruments("train")[0])
    assert soft.gain_db - loud.gain_db == pytest.approx(20.0, abs=0.1)
    assert [note.gain_db for note in bank.notes("one")] == pytest.approx(
        [loud.gain_db, soft.gain_db], abs=0.01
    )


@pytest.mark.parametrize("written", [False, True])
def test_a_pool_gives_notes_their_own_level_back(bank: NoteBank, written: bool) -> None:
    dataset = NoteBankDataset(bank.folder) if written else TwoLevels()
    pool = NotePool.from_datasets([dataset], split="train")
    for row, pitch in enumerate(pool.pitches.tolist()):
        assert peak(pool.note(row)) == pytest.approx(PEAKS[pitch], rel=0.1)


def test_training_gives_them_back_too(bank: NoteBank, tmp_path: Path) -> None:
    cache = FeatureCache.open(tmp_path, NoteBankDataset(bank.folder), BandConfig())
    loud, soft = cache.table.gains
    assert soft / loud == pytest.approx(PEAKS[67] / PEAKS[60], rel=0.05)


def test_an_engine_plays_a_soft_note_softly(bank: NoteBank) -> None:
    engine = NoteBankEngine(bank, "one")
    loud, soft = (
        peak(engine.render([Note(pitch, 100, 0.0, 0.5)], 0.5, SAMPLE_RATE)) for pitch in PEAKS
    )
    assert soft / loud == pytest.approx(PEAKS[67] / PEAKS[60], rel=0.1)


@needs_shared
@pytest.mark.parametrize("folder", [SURGE, SURGE_XT], ids=lambda folder: folder.name)
def test_keys_struck_harder_sound_louder_in_the_banks_at_hand(folder: Path) -> None:
    """Over all patches: most ignore velocity, and hardly any is softer when struck harder."""
    struck: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with (folder / "notes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            struck[row["instrument_id"], row["fx"]].append(
                (float(row["velocity"]), float(row["gain_db"]))
            )
    slopes = [
        linear_regression(*zip(*notes, strict=True)).slope
        for notes in struck.values()
        if len({velocity for velocity, _ in notes}) > 2
    ]
    assert len(slopes) > 500
    assert np.mean(slopes) < -0.02  # dB added less, per step of velocity
