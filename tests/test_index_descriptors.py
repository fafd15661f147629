"""Brightness, attack and noisiness: measured by definition, kept with every change."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_opus
from cir.errors import DatabaseError
from cir.index.database import InstrumentDatabase
from cir.index.descriptors import DESCRIPTORS_NAME, read_descriptors
from cir.index.measure_previews import describe, fill_descriptors
from cir.types import SAMPLE_RATE, FloatArray
from tests.fakes import SpectrumEncoder, instrument, tone


def _noise(seconds: float) -> FloatArray:
    n_samples = round(seconds * SAMPLE_RATE)
    return np.random.default_rng(0).uniform(-0.5, 0.5, n_samples).astype(np.float32)


def test_the_three_numbers_are_what_they_say() -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    sine = np.sin(2 * np.pi * 1_000.0 * time).astype(np.float32)
    plain, noise = describe(sine, SAMPLE_RATE), describe(_noise(2.0), SAMPLE_RATE)
    assert plain.brightness_hz == pytest.approx(1_000.0, rel=0.02)
    assert noise.brightness_hz == pytest.approx(4_000.0, rel=0.05)  # half of 8 kHz
    assert plain.flatness_db < -50.0 < -5.0 < noise.flatness_db <= 0.0
    swell = describe((sine * np.minimum(time, 1.0)).astype(np.float32), SAMPLE_RATE)
    assert plain.attack_seconds < 0.1 < 0.8 < swell.attack_seconds < 1.1
    assert describe(np.float32(1 / 64) * sine, SAMPLE_RATE) == plain


def _sounds(folder: Path, *names: str) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        save_opus(folder / f"{name}.opus", tone(200.0 * (number + 1), 0.5), SAMPLE_RATE)
    return {name: folder / f"{name}.opus" for name in names}


def test_they_follow_the_instruments(tmp_path: Path) -> None:
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    assert database.descriptors() is None
    rows = [instrument(name, source="samples") for name in ("a", "b", "c")]
    database.add(rows, np.eye(3, 32), _sounds(tmp_path / "sounds", "a", "b"))
    table = database.descriptors()
    assert table is not None
    assert np.isnan(table).all(axis=1).tolist() == [False, False, True]
    assert table[0, 0] < table[1, 0]

    # A changed sound is measured again, a changed row is not lost, a removed one is gone.
    save_opus(tmp_path / "louder.opus", _noise(0.5), SAMPLE_RATE)
    database.add(rows[:2], np.eye(2, 32), {"a": tmp_path / "louder.opus"})
    after = read_descriptors(database.path)
    assert after["a"].flatness_db > table[0, 2] + 10.0
    np.testing.assert_allclose(astuple(after["b"]), table[1], rtol=1e-6)
    database.export(tmp_path / "copy")
    assert read_descriptors(tmp_path / "copy") == after
    database.remove(["a"])
    assert set(read_descriptors(database.path)) == {"b"}


def test_an_older_database_is_filled_by_one_command(tmp_path: Path) -> None:
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    rows = [instrument(name, source="samples") for name in ("a", "b", "c")]
    database.add(rows, np.eye(3, 32), _sounds(tmp_path / "sounds", "a", "b"))
    expected = database.descriptors()
    (database.path / DESCRIPTORS_NAME).unlink()
    assert InstrumentDatabase.open(database.path).descriptors() is None
    assert database.describe() == (2, 1)
    np.testing.assert_array_equal(database.descriptors(), expected)
    assert fill_descriptors(database.path) == (0, 1)

    (database.path / DESCRIPTORS_NAME).write_text("instrument_id\na\n")
    with pytest.raises(DatabaseError, match="cir database describe"):
        InstrumentDatabase.open(database.path).descriptors()
