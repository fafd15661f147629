import json
from collections import Counter

import numpy as np
import pytest

import cir.datasets.generated as generated
from cir.datasets.base import DatasetInstrument
from cir.datasets.duplicates import NEAREST_DB, distance, summarise
from cir.datasets.generated import (
    N_NOTES,
    N_TWIN_NOTES,
    SHARES,
    GeneratedVitalDataset,
)
from cir.datasets.recorded import is_broken
from cir.engines.vital_generator import generate_preset
from cir.errors import DataError, InputError
from cir.types import FloatArray
from tests.engine_cases import HAS_VITA, tone

pytestmark = pytest.mark.slow

needs_vita = pytest.mark.skipif(not HAS_VITA, reason="needs vita (optional)")
COUNT = 4
SEED_OF_TWO_ALIKE = 19
"""The first two instruments are of one family."""


@pytest.fixture(scope="module")
def dataset() -> GeneratedVitalDataset:
    return GeneratedVitalDataset(COUNT)


def test_families_come_as_often_as_planned() -> None:
    rows = [row for row in GeneratedVitalDataset(3000).instruments("train") if row.effects_on]
    found = Counter(row.family for row in rows)
    assert len(rows) == 3000 and len(found) == 13
    for family, share in SHARES.items():
        assert found[family] / 3000 == pytest.approx(share, abs=0.03)


def test_only_training_has_instruments(dataset: GeneratedVitalDataset) -> None:
    assert dataset.instruments("valid") == dataset.instruments("test") == []
    with pytest.raises(InputError, match="split"):
        dataset.instruments("all")


def test_a_larger_dataset_extends_a_smaller_one(dataset: GeneratedVitalDataset) -> None:
    larger = GeneratedVitalDataset(COUNT + 50)
    rows = dataset.instruments("train")
    assert larger.instruments("train")[: len(rows)] == rows
    assert larger.fingerprint != dataset.fingerprint
    other = GeneratedVitalDataset(COUNT, seed=1)
    assert not {row.instrument_id for row in rows} & {
        row.instrument_id for row in other.instruments("train")
    }


@needs_vita
def test_the_order_of_questions_changes_nothing(dataset: GeneratedVitalDataset) -> None:
    again = GeneratedVitalDataset(COUNT + 50)
    presets = [dataset.preset(index) for index in range(2)]
    assert [again.preset(index) for index in (1, 0)] == presets[::-1]


@needs_vita
def test_an_instrument_and_its_twin(dataset: GeneratedVitalDataset) -> None:
    twin = next(row for row in dataset.instruments("train") if not row.effects_on)
    original = DatasetInstrument(twin.instrument_id, twin.family, "train")
    wet, dry = dataset.notes(original), dataset.notes(twin)
    assert 2 <= len(wet) <= N_NOTES and 2 <= len(dry) <= N_TWIN_NOTES
    assert len({note.pitch for note in wet}) == len(wet)
    assert [note.pitch for note in dry[:2]] == [note.pitch for note in wet[:2]]
    for note in wet + dry:
        assert note.audio.dtype == np.float32 and note.audio.size <= 48_000
        assert np.abs(note.audio).max() == pytest.approx(0.9, abs=1e-3)
    summaries = [summarise(notes[0].audio) for notes in (wet, dry)]
    assert distance(summaries[0], summaries[1][None])[0] > 0.9 * NEAREST_DB
    for one, other in zip(dry, dataset.notes(twin), strict=True):
        assert np.array_equal(one.audio, other.audio) and one.gain_db == other.gain_db


@needs_vita
@pytest.mark.parametrize("flaw", ["silent", "known"])
def test_silent_presets_and_duplicates_are_drawn_again(
    flaw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second instrument's first draw is put aside: it is silent, or the first instrument."""
    bad: dict[int, str] = {}
    first: list[str] = []

    def draw(family: str, seed: int, *, effects: bool | None = None) -> str:
        preset = generate_preset(family, seed, effects=effects)
        if first and not bad:
            bad[seed] = first[0] if flaw == "known" else silenced(preset)
        return bad.get(seed, preset)

    monkeypatch.setattr(generated, "generate_preset", draw)
    dataset = GeneratedVitalDataset(2, seed=SEED_OF_TWO_ALIKE)
    assert len({row.family for row in dataset.instruments("train")}) == 1
    first.append(dataset.preset(0))
    assert dataset.preset(1) not in bad.values() and len(bad) == 1


def silenced(preset: str) -> str:
    document = json.loads(preset)
    document["settings"].update(osc_1_on=0.0, osc_2_on=0.0, osc_3_on=0.0, sample_on=0.0)
    return json.dumps(document)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_impossible_datasets_are_refused(count: int, seed: int) -> None:
    with pytest.raises(InputError, match="at least one instrument"):
        GeneratedVitalDataset(count, seed)


def test_a_foreign_instrument_is_refused(dataset: GeneratedVitalDataset) -> None:
    with pytest.raises(DataError, match="no instrument like"):
        dataset.notes(DatasetInstrument("kazoo", "reed", "train"))


def noise(scale: float) -> FloatArray:
    return np.asarray(np.random.default_rng(0).normal(0.0, scale, 16_000), np.float32)


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        (np.clip(noise(40.0), -0.9, 0.9), True),
        (0.5 + 0.1 * tone(60, 1.0, 16_000), True),
        (np.zeros(16_000, np.float32), True),
        (noise(0.2), False),
        (tone(60, 1.0, 16_000), False),
        (0.9 * np.sign(tone(60, 1.0, 16_000)), False),
    ],
    ids=["clipped noise", "offset", "silence", "noise", "sine", "square"],
)
def test_accidents_are_told_from_sounds(sound: FloatArray, broken: bool) -> None:
    assert is_broken(sound) == broken


def test_the_distance_grows_with_the_difference() -> None:
    low, near, far = (summarise(0.9 * tone(pitch, 1.0, 16_000)) for pitch in (60, 61, 84))
    to_near, to_far = distance(low, np.stack([near, far]))
    assert distance(low, low[None])[0] == 0.0
    assert 0.0 < to_near < to_far
