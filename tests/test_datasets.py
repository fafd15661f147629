"""The contract that every dataset keeps."""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from cir.datasets import generated, rendered
from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.datasets.registry import open_dataset
from cir.errors import DataError, InputError
from cir.instruments.families import FAMILIES
from cir.instruments.splits import SPLITS
from tests import fake_surgepy
from tests.dataset_cases import SPECS
from tests.engine_cases import HAS_DEXED, HAS_TINYSOUNDFONT, HAS_VITA, LV2, needs_plugin

pytestmark = pytest.mark.slow

no_tinysoundfont = pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")
no_vita = pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")
SKIPS = {
    "sound font": no_tinysoundfont,
    "vital": no_vita,
    "generated": no_vita,
    "dx7": pytest.mark.skipif(not HAS_DEXED, reason="needs dexed-py (optional)"),
    "plug-in": needs_plugin(LV2 / "mda.lv2"),
}


@dataclass(frozen=True)
class Case:
    spec: str
    dataset: NoteDataset
    listened: dict[DatasetInstrument, list[RecordedNote]]
    """Notes of the first instruments of each split."""


@pytest.fixture(
    params=[pytest.param(name, marks=SKIPS.get(name, ())) for name in SPECS], scope="module"
)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    patch = pytest.MonkeyPatch()
    patch.setitem(sys.modules, "surgepy", fake_surgepy)
    for module in (rendered, generated):
        patch.setattr(module, "N_NOTES", 4)  # Vital takes its time
    spec = SPECS[request.param](tmp_path_factory.mktemp("dataset"))
    dataset = open_dataset(spec)
    chosen = [row for split in SPLITS for row in dataset.instruments(split)[:2]]
    yield Case(spec, dataset, {row: dataset.notes(row) for row in chosen})
    patch.undo()


def test_names_are_slugs_and_fingerprints_lasting(case: Case) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", case.dataset.name)
    assert open_dataset(case.spec).fingerprint == case.dataset.fingerprint
    if not case.spec.startswith("bank:"):  # which has splits of its own
        assert open_dataset(case.spec, seed=1).fingerprint != case.dataset.fingerprint


def test_instruments_are_listed_once_in_one_split(case: Case) -> None:
    rows = [row for split in SPLITS for row in case.dataset.instruments(split)]
    assert len({(row.instrument_id, row.effects_on) for row in rows}) == len(rows) > 0
    originals = {row.instrument_id: row for row in rows if row.effects_on}
    for split in SPLITS:
        assert {row.split for row in case.dataset.instruments(split)} <= {split}
    for row in rows:
        assert row.family is None or row.family in FAMILIES
        if not row.effects_on:
            assert row.split == "train"
            assert originals[row.instrument_id].family == row.family


def test_instruments_are_always_listed_in_the_same_order(case: Case) -> None:
    again = open_dataset(case.spec)
    for split in SPLITS:
        assert list(again.instruments(split)) == list(case.dataset.instruments(split))


def test_the_reference_is_the_first_note(case: Case) -> None:
    for instrument, notes in case.listened.items():
        reference = case.dataset.reference(instrument)
        assert (reference is None) == (not notes)
        if reference is not None:
            assert (reference.pitch, reference.gain_db) == (notes[0].pitch, notes[0].gain_db)
            np.testing.assert_array_equal(reference.audio, notes[0].audio)


def test_notes_are_short_loud_and_finite(case: Case) -> None:
    assert any(case.listened.values())
    for notes in case.listened.values():
        for note in notes:
            assert 0 <= note.pitch <= 127
            assert note.audio.dtype == np.float32
            assert note.audio.ndim == 1
            assert 0 < note.audio.size <= 3 * 16_000
            # The notes of a bank come out of a codec.
            assert float(np.max(np.abs(note.audio))) == pytest.approx(0.9, abs=0.25)
            assert np.isfinite(note.gain_db)


def test_originals_have_several_notes(case: Case) -> None:
    for row, notes in case.listened.items():
        assert len(notes) >= 4 or not row.effects_on


def test_notes_are_the_same_whoever_asks_and_from_several_threads(case: Case) -> None:
    rows = list(case.listened)
    with ThreadPoolExecutor(4) as threads:
        in_threads = list(threads.map(case.dataset.notes, rows[::-1]))[::-1]
    again = open_dataset(case.spec).notes(rows[0])
    for notes, expected in [
        *zip(in_threads, case.listened.values(), strict=True),
        (again, case.listened[rows[0]]),
    ]:
        assert [(n.pitch, n.gain_db) for n in notes] == [(n.pitch, n.gain_db) for n in expected]
        for note, wanted in zip(notes, expected, strict=True):
            assert np.array_equal(note.audio, wanted.audio)


def test_instruments_of_another_dataset_are_refused(case: Case) -> None:
    with pytest.raises(DataError, match="kazoo"):
        case.dataset.notes(DatasetInstrument("kazoo", "reed", "train"))


def test_unknown_splits_are_refused(case: Case) -> None:
    with pytest.raises(InputError, match="Unknown split 'dev'; splits are train, valid, test"):
        case.dataset.instruments("dev")


@pytest.mark.parametrize(
    "spec", ["surge", "midi:here", "bank:", ":x", "generated:0", "generated:x"]
)
def test_malformed_specs_are_refused(spec: str) -> None:
    with pytest.raises(InputError, match=r"scheme:where|whole number"):
        open_dataset(spec)


@pytest.mark.parametrize("spec", ["nsynth:none", "surge:none", "vital:none"])
def test_missing_folders_are_refused(spec: str) -> None:
    with pytest.raises(InputError, match=r"none"):
        open_dataset(spec)


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="seed must be 0 or more, got -1"):
        open_dataset("generated:1", seed=-1)
