"""What goes into batches, and that every process gets its share of the same ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import DataError
from cir.mixtures.pool import NotePool
from cir.training.batches import BatchRenderer, MixtureBatch
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler
from tests.tone_bank import write_bank
from tests.training_cases import TINY, tiny_config, tone_pool


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def config(data: Path) -> TrainingConfig:
    return tiny_config(data)


@pytest.fixture(scope="module")
def pool(data: Path) -> NotePool:
    return tone_pool(data)


def render(pool: NotePool, config: TrainingConfig, step: int) -> MixtureBatch:
    plan = BatchSampler(pool, config).mixtures(step)
    return BatchRenderer(pool, config.encoder, torch.device("cpu")).mixtures(plan)


def test_a_batch_is_a_function_of_seed_and_step(pool: NotePool, config: TrainingConfig) -> None:
    for task in ("pairs", "mixtures"):
        first, same, other, reseeded = (
            getattr(BatchSampler(pool, replace(config, seed=seed)), task)(step)
            for seed, step in ((0, 4), (0, 4), (0, 5), (1, 4))
        )
        assert first == same
        assert first not in (other, reseeded)


@pytest.mark.parametrize("n_processes", [2, 3])
def test_processes_share_one_batch(
    pool: NotePool, config: TrainingConfig, n_processes: int
) -> None:
    sampler = BatchSampler(pool, replace(config, paper_probability=0.5))
    whole = sampler.mixtures(3)
    shares = [sampler.mixtures(3, process, n_processes) for process in range(n_processes)]
    assert sorted(plan.seed for share in shares for plan in share.mixtures) == sorted(
        plan.seed for plan in whole.mixtures
    )
    assert shares[0].mixtures == whole.mixtures[::n_processes]
    pairs = [sampler.pairs(3, process, n_processes) for process in range(n_processes)]
    assert {row for share in pairs for row in share.rows} == set(sampler.pairs(3).rows)


def test_mixture_batches_have_their_shapes(pool: NotePool, config: TrainingConfig) -> None:
    batch = render(pool, config, 0)
    assert batch.mixtures.shape == (3, TINY.mixture_samples)
    assert batch.notes.shape == (len(batch.owners), TINY.note_samples)
    assert sorted(set(batch.owners.tolist())) == [0, 1, 2]
    assert batch.queries.shape == batch.instruments.shape == batch.owners.shape


def test_no_instrument_plays_in_two_mixtures_not_even_as_its_twin(
    pool: NotePool, config: TrainingConfig
) -> None:
    sampler = BatchSampler(pool, replace(config, original_probability=0.0))
    for step in range(20):
        played = [
            name for mixture in sampler.mixtures(step).mixtures for name in mixture.instrument_ids
        ]
        assert len(set(played)) == len(played)


def test_the_note_beside_a_mixture_is_of_the_instrument_in_it(
    pool: NotePool, config: TrainingConfig
) -> None:
    batch = render(pool, config, 2)
    for number, query, note in zip(
        batch.instruments.tolist(), batch.queries.tolist(), batch.notes.numpy(), strict=True
    ):
        instrument = pool.instruments[number]
        assert instrument.family == TINY.families[query]
        clips = [
            np.pad(pool.stored_note(int(row)), (0, TINY.note_samples))[: TINY.note_samples]
            for row in instrument.rows
        ]
        assert any(np.array_equal(clip, note) for clip in clips)


def test_pairs_are_two_different_notes_and_some_are_of_one_family(
    pool: NotePool, data: Path
) -> None:
    for share in (0.0, 0.5):
        config = tiny_config(data, "pairs", batch_size=6, hard_negatives=share)
        sampler = BatchSampler(pool, config)
        for step in range(10):
            plan = sampler.pairs(step)
            assert all(first != second for first, second in plan.rows)
            chosen = [pool.instruments[number] for number in plan.instruments]
            assert len({one.instrument_id for one in chosen}) == 6
            assert len({one.family for one in chosen[: round(6 * share)]}) <= 1
            for number, rows in zip(plan.instruments, plan.rows, strict=True):
                assert set(rows) <= set(pool.instruments[number].rows.tolist())


def test_a_batch_larger_than_a_family_is_refused_at_once(
    pool: NotePool, config: TrainingConfig
) -> None:
    with pytest.raises(DataError, match="batch_size"):
        BatchSampler(pool, replace(config, batch_size=8))


def test_mixtures_of_any_families_say_when_these_run_out(
    pool: NotePool, config: TrainingConfig
) -> None:
    sampler = BatchSampler(pool, replace(config, batch_size=8, paper_probability=0.0))
    with pytest.raises(DataError, match="batch_size"):
        sampler.mixtures(0)


def test_sources_are_drawn_as_often_as_they_weigh(data: Path, tmp_path: Path) -> None:
    datasets = [NoteBankDataset(data), NoteBankDataset(write_bank(tmp_path / "other"))]
    pool = NotePool.from_datasets(datasets, split="train")
    config = replace(tiny_config(data), data=("a", "b"), batch_size=1)
    sampler = BatchSampler(pool, replace(config, data_weights=(3.0, 1.0)))
    first = pool.instruments[0].source
    played = [
        pool.instruments[stem.instrument].source == first
        for step in range(150)
        for mixture in sampler.mixtures(step).mixtures
        for stem in mixture.stems
    ]
    assert np.mean(played) == pytest.approx(0.75, abs=0.08)
    mute = BatchSampler(pool, replace(config, data_weights=(0.0, 1.0)))
    assert not any(
        pool.instruments[stem.instrument].source == first
        for mixture in mute.mixtures(0).mixtures
        for stem in mixture.stems
    )
    pairs = replace(
        tiny_config(data, "pairs"), data=("a", "b"), data_weights=(0.0, 1.0), batch_size=16
    )
    plan = BatchSampler(pool, pairs).pairs(0)  # more than there are: all of the one that counts
    assert {pool.instruments[number].source for number in plan.instruments} == {
        pool.instruments[-1].source
    }
