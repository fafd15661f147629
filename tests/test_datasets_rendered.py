"""What rendered datasets do beyond the contract: drawn notes, silence, twins, drum pieces."""

import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cir.datasets.base import DatasetInstrument
from cir.datasets.midi_statistics import load_statistics
from cir.datasets.presets import open_presets
from cir.datasets.recorded import record
from cir.datasets.rendered import Playable, RenderedDataset, plan_notes
from cir.engines.base import check_request
from cir.errors import DataError, EngineError, InputError
from cir.instruments.splits import SPLITS
from cir.types import FloatArray, Instrument, Note
from tests import fake_surgepy
from tests.dataset_cases import write_surge_patches, write_vital_presets
from tests.engine_cases import HAS_VITA, write_surge_patch


class Hum:
    """Hums at its own level on the keys it has; the others are silent."""

    def __init__(self, keys: range = range(128), level: float = 0.5, broken: bool = False) -> None:
        self.keys = keys
        self.level = level
        self.broken = broken

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        playable, track = check_request(notes, duration_seconds, sample_rate)
        if self.broken:
            raise EngineError("NaN.")
        (note,) = playable
        if note.pitch in self.keys:
            time = np.arange(round(note.duration_seconds * sample_rate)) / sample_rate
            track[: time.size] = self.level * np.sin(2 * np.pi * 300 * time)[: track.size]
        return track


def instrument(family: str | None = "bass") -> Instrument:
    return Instrument("hum", "Hum", family, "", "bank", "", "", "test", "test:hum")


def dataset_of(playable: Playable) -> RenderedDataset:
    return RenderedDataset("hums", [], lambda: [playable])


ROW = DatasetInstrument("hum", "bass", "train")


def test_the_reference_note_comes_first_and_the_others_have_pitches_of_their_own() -> None:
    notes = dataset_of(Playable(instrument(), "train", Hum)).notes(ROW)
    assert notes[0].pitch == 34
    assert notes[0].audio.size == pytest.approx(2 * 16_000, abs=50)
    assert len({note.pitch for note in notes}) == len(notes) == 12
    assert notes[0].gain_db == pytest.approx(20 * np.log10(0.9 / 0.5), abs=0.1)
    assert len({note.audio.size for note in notes}) > 6


def test_the_notes_depend_on_the_seed_alone() -> None:
    playable = Playable(instrument(), "train", Hum)
    pitches = [
        [note.pitch for note in RenderedDataset("a", [], lambda: [playable], seed).notes(ROW)]
        for seed in (0, 0, 1)
    ]
    assert pitches[0] == pitches[1] != pitches[2]


def test_silent_keys_are_replaced_by_others() -> None:
    notes = dataset_of(Playable(instrument(), "train", lambda: Hum(range(28, 44)))).notes(ROW)
    assert len(notes) >= 8
    assert all(28 <= note.pitch < 44 for note in notes)


@pytest.mark.parametrize("engine", [Hum(range(0)), Hum(broken=True), Hum(level=float("nan"))])
def test_an_instrument_without_a_reference_note_has_no_notes(engine: Hum) -> None:
    assert dataset_of(Playable(instrument(), "train", lambda: engine)).notes(ROW) == []


def test_a_drum_piece_plays_its_key_at_different_velocities() -> None:
    statistics = load_statistics()["percussion"]
    plan = list(plan_notes("percussion", 38, statistics, np.random.default_rng(0)))
    assert {note.pitch for note in plan} == {38}
    assert (plan[0].velocity, plan[0].duration_seconds) == (100, 2.0)
    assert len({note.velocity for note in plan}) > 3


def test_twins_are_for_training_and_only_where_they_differ() -> None:
    quiet = partial(Hum, level=0.1)
    rows = dataset_of(Playable(instrument(), "train", Hum, open_twin=quiet)).instruments("train")
    assert [row.effects_on for row in rows] == [True, False]
    test_only = dataset_of(Playable(instrument(), "test", Hum, open_twin=quiet))
    assert len(test_only.instruments("test")) == 1
    # Louder or softer is no difference once at the same peak; fewer keys are.
    assert dataset_of(Playable(instrument(), "train", Hum, open_twin=quiet)).notes(rows[1]) == []
    shorter = dataset_of(Playable(instrument(), "train", Hum, open_twin=lambda: Squeak()))
    assert len(shorter.notes(rows[1])) == 12


class Squeak(Hum):
    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        return super().render(notes, duration_seconds, sample_rate) ** 3


def test_instruments_of_another_dataset_are_refused() -> None:
    dataset = dataset_of(Playable(instrument(), "train", Hum))
    with pytest.raises(DataError, match="no instrument like"):
        dataset.notes(DatasetInstrument("other", "bass", "train"))
    with pytest.raises(DataError, match="no instrument like"):
        dataset.notes(DatasetInstrument("hum", "bass", "train", effects_on=False))


def test_recording_trims_and_scales() -> None:
    sound = np.zeros(80_000, np.float32)
    sound[:8_000] = 0.25
    sound[8_000:20_000] = 1e-4  # below -60 dB of the peak
    note = record(60, sound)
    assert note is not None
    assert note.audio.size == 8_000
    assert note.gain_db == pytest.approx(20 * np.log10(0.9 / 0.25), abs=0.01)
    np.testing.assert_allclose(note.audio[:7_000], 0.9, atol=1e-6)
    assert note.audio[-1] == 0.0
    long = record(60, np.full(80_000, 0.5, np.float32))
    assert long is not None
    assert long.audio.size == 48_000


@pytest.mark.parametrize("value", [0.0, 1e-4, float("nan"), float("inf")])
def test_what_is_no_sound_is_not_recorded(value: float) -> None:
    assert record(60, np.full(100, value, np.float32)) is None
    assert record(60, np.zeros(0, np.float32)) is None


def test_a_single_click_is_no_sound() -> None:
    click = np.zeros(1_000, np.float32)
    click[500] = 0.5
    assert record(60, click) is None


def test_surge_folders_give_families_and_twins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "surgepy", fake_surgepy)
    dataset = open_presets("surge", str(write_surge_patches(tmp_path)))
    rows = dataset.instruments("train")
    assert {row.family for row in rows} == {"bass", "synth_lead"}
    assert len(rows) == 2 * len({row.instrument_id for row in rows})
    original, twin = (dataset.notes(row) for row in rows[:2])
    assert [note.pitch for note in original] == [note.pitch for note in twin]
    assert not np.array_equal(original[0].audio, twin[0].audio)


@pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")
def test_vital_presets_take_the_family_from_style_or_folder(tmp_path: Path) -> None:
    folder = write_vital_presets(tmp_path)
    (row, twin) = open_presets("vital", str(folder)).instruments("train")
    assert (row.instrument_id, row.family) == ("bass-growl", "bass")
    assert twin == DatasetInstrument("bass-growl", "bass", "train", effects_on=False)


def test_folders_without_presets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"names end in \.vital"):
        open_presets("vital", str(tmp_path))


def test_presets_of_similar_and_of_foreign_names_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "surgepy", fake_surgepy)
    patch = write_surge_patch(tmp_path).rename(tmp_path / ".Lead.fxp")
    for name in ("Bass 1", "Bass-1", "Lead", "\u97f3"):
        shutil.copy(patch, tmp_path / f"{name}.fxp")
    (tmp_path / "damaged.fxp").write_bytes(b"")
    dataset = open_presets("surge", str(tmp_path))
    ids = {row.instrument_id for split in SPLITS for row in dataset.instruments(split)}
    assert len(ids) == 4
    assert "lead" in ids
    assert sum(name.endswith("-bass-1") for name in ids) == 2


def test_two_instruments_of_one_id_are_refused() -> None:
    playable = Playable(instrument(), "train", Hum)
    with pytest.raises(InputError, match="Two instruments of hums have the id 'hum'"):
        RenderedDataset("hums", [], lambda: [playable, playable]).instruments("train")


def test_a_preset_that_cannot_be_opened_has_no_notes() -> None:
    def damaged() -> Hum:
        raise EngineError("It is damaged.")

    assert dataset_of(Playable(instrument(), "train", damaged)).notes(ROW) == []


@pytest.mark.parametrize("scheme", ["surge", "vital"])
def test_without_the_synthesizer_nothing_is_listed(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("surgepy", "vita"):
        monkeypatch.setitem(sys.modules, module, None)
    for suffix in ("fxp", "vital"):
        (tmp_path / f"Bass.{suffix}").write_bytes(b"")
    dataset = open_presets(scheme, str(tmp_path))
    assert dataset.fingerprint  # a cache of its notes needs no synthesizer
    with pytest.raises(EngineError, match="surgepy|vita"):
        dataset.instruments("train")
