"""Batches sound as one mixture after the other does, whatever else is in them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cir.audio.dsp import pad_or_trim
from cir.errors import InputError
from cir.mixtures import flat_notes
from cir.mixtures.batched import render_batch, render_on_device
from cir.mixtures.config import MixtureConfig
from cir.mixtures.device_notes import DeviceNotes
from cir.mixtures.plan import DRY, MixturePlan, PlacedNote, StemPlan
from cir.mixtures.pool import NotePool
from cir.mixtures.render import render_plan
from cir.mixtures.score import plan_sounding
from tests.tone_dataset import ToneDataset

#: A codec decides by thresholds: what differs in the last bit before it may differ by more after.
TOLERANCES = {"paper": 1e-5, "realistic": 1e-5, "coded": 2e-3}
CONFIGS = {
    "paper": MixtureConfig(duration_seconds=3.0),
    "realistic": MixtureConfig("realistic", duration_seconds=3.0, codec_probability=0.0),
    "coded": MixtureConfig("realistic", duration_seconds=3.0, codec_probability=0.5),
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> NotePool:
    folder: Path = tmp_path_factory.mktemp("pools") / "pool"
    return NotePool.build(folder, [ToneDataset()], split="train", twins=True)


@pytest.fixture(scope="module")
def notes(pool: NotePool) -> DeviceNotes:
    return DeviceNotes(pool)


def draw(pool: NotePool, setting: str, seeds: Sequence[int]) -> list[MixturePlan]:
    return [plan_sounding(seed, pool, CONFIGS[setting]) for seed in seeds]


def oracle(plans: Sequence[MixturePlan], pool: NotePool) -> Tensor:
    return torch.from_numpy(np.stack([render_plan(plan, pool).mix for plan in plans]))


@pytest.mark.parametrize("setting", CONFIGS)
def test_a_batch_sounds_like_its_mixtures_one_by_one(
    setting: str, pool: NotePool, notes: DeviceNotes
) -> None:
    plans = draw(pool, setting, range(12))
    mixes = render_batch(plans, notes)
    assert mixes.shape == (12, 48_000) and mixes.dtype == torch.float32
    expected = oracle(plans, pool)
    torch.testing.assert_close(mixes, expected, atol=TOLERANCES[setting], rtol=0)
    torch.testing.assert_close(mixes.abs().amax(1), torch.full((12,), 0.99), atol=1e-5, rtol=0)


@pytest.mark.parametrize("setting", CONFIGS)
def test_no_mixture_depends_on_its_neighbours(
    setting: str, pool: NotePool, notes: DeviceNotes
) -> None:
    plans = draw(pool, setting, range(6))
    together = render_batch(plans, notes)
    shuffled = render_batch([plans[n] for n in (4, 2, 0)], notes)
    torch.testing.assert_close(shuffled, together[[4, 2, 0]], atol=0, rtol=0)


@pytest.mark.parametrize("setting", ["paper", "realistic"])
@pytest.mark.parametrize("chunk_samples", [2**24, 5_000])
def test_the_way_of_a_gpu_gives_the_same(
    setting: str,
    chunk_samples: int,
    pool: NotePool,
    notes: DeviceNotes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flat_notes, "_CHUNK_SAMPLES", chunk_samples)
    plans = [replace(plan, effects=DRY) for plan in draw(pool, setting, range(4))]
    expected = oracle(plans, pool)
    torch.testing.assert_close(render_on_device(plans, notes), expected, atol=1e-5, rtol=0)


def test_cuts_fades_and_gains_at_every_edge(pool: NotePool, notes: DeviceNotes) -> None:
    """Fades longer than the note, notes beyond the end, cuts within the fade, silent stems."""
    length = int(pool.starts[1])
    placed = (
        PlacedNote(0, 0, 100),
        PlacedNote(1, 50, 2_000, fade=5_000, gain=0.5),
        PlacedNote(2, 7_900, 1_000, fade=800),
        PlacedNote(3, 7_999, 90_000),
        PlacedNote(0, 3_000, length),
        PlacedNote(0, 3_001, length - 1, fade=1),
    )
    plan = MixturePlan(
        seed=0,
        n_samples=8_000,
        families=("percussion",) * 3,
        instrument_ids=("a", "b", "c"),
        stems=(StemPlan(0, -6.0, placed), StemPlan(1, 0.0, ()), StemPlan(2, 3.0, placed[:1])),
    )
    expected = oracle([plan], pool)
    torch.testing.assert_close(render_batch([plan], notes), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(render_on_device([plan], notes), expected, atol=1e-5, rtol=0)


def test_clips_are_padded_or_cut_notes(pool: NotePool, notes: DeviceNotes) -> None:
    rows = [5, 0, 7, 5]
    for n_samples in (100, 10_000):
        expected = np.stack([pad_or_trim(pool.stored_note(row), n_samples) for row in rows])
        starts = pool.starts[rows]
        lengths = np.minimum(pool.starts[np.array(rows) + 1] - starts, n_samples)
        for clips in (notes.clips(rows, n_samples), notes._gather(starts, lengths, n_samples)):
            np.testing.assert_array_equal(clips.numpy(), expected)


def test_the_notes_of_a_pool_are_not_copied(pool: NotePool, notes: DeviceNotes) -> None:
    assert notes.samples.data_ptr() == pool.samples.ctypes.data


def test_mixtures_of_two_lengths_are_refused(pool: NotePool, notes: DeviceNotes) -> None:
    short = plan_sounding(0, pool, replace(CONFIGS["paper"], duration_seconds=1.0))
    with pytest.raises(InputError, match="length"):
        render_batch([short, *draw(pool, "paper", [0])], notes)
    with pytest.raises(InputError, match="length"):
        render_batch([], notes)
