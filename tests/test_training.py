"""Training: batches, schedule, configuration, and a run that is killed and resumed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cir.config import load_config, parse_config
from cir.errors import CheckpointError, DataError, InputError
from cir.instruments.note_bank import NoteBank
from cir.mixtures.pool import NotePool
from cir.model.config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.training.batches import BatchSampler
from cir.training.config import TrainingConfig
from cir.training.loop import train
from cir.training.run_folder import RunFolder
from cir.training.schedule import learning_rate_factor
from tests.tone_bank import FAMILIES, write_bank

TINY = EncoderConfig(
    hidden_size=32, n_layers=1, n_heads=2, note_frames=32, mixture_frames=64, families=FAMILIES
)
CONFIG = TrainingConfig(
    encoder=TINY,
    batch_size=3,
    total_steps=6,
    warmup_steps=2,
    decay_steps=2,
    precision="no",
    validate_every_steps=6,
    n_validation_mixtures=4,
    transpositions=(0,),
)
CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def pool(data: Path) -> NotePool:
    return NotePool.from_note_bank(NoteBank.open(data), split="train", twins=True)


def test_batches_are_a_function_of_seed_step_and_process(pool: NotePool) -> None:
    sampler = BatchSampler(pool, CONFIG)
    first, same = sampler.mixtures(4, 0), BatchSampler(pool, CONFIG).mixtures(4, 0)
    torch.testing.assert_close(first.mixtures, same.mixtures, atol=0, rtol=0)
    for other in (sampler.mixtures(5, 0), sampler.mixtures(4, 1)):
        assert not torch.equal(first.mixtures, other.mixtures)


def test_mixture_batches_have_their_shapes(pool: NotePool) -> None:
    batch = BatchSampler(pool, CONFIG).mixtures(0, 0)
    assert batch.mixtures.shape == (3, TINY.mixture_samples)
    assert batch.notes.shape == (3, 3, TINY.note_samples)
    assert batch.families.shape == batch.instruments.shape == (3, 3)


def test_no_instrument_plays_in_two_mixtures_not_even_as_its_twin(pool: NotePool) -> None:
    sampler = BatchSampler(pool, replace(CONFIG, original_probability=0.0))
    for step in range(20):
        numbers = sampler.mixtures(step, 0).instruments.flatten().tolist()
        ids = [pool.instruments[number].instrument_id for number in numbers]
        assert len(set(ids)) == len(ids)


def test_the_note_beside_a_mixture_is_of_the_instrument_in_it(pool: NotePool) -> None:
    sampler = BatchSampler(pool, CONFIG)
    batch = sampler.mixtures(2, 0)
    for row in range(3):
        for column in range(3):
            number = int(batch.instruments[row, column])
            family = TINY.families[int(batch.families[row, column]) - 1]
            assert pool.instruments[number].family == family
            clips = [
                np.pad(pool.stored_note(int(note)), (0, TINY.note_samples))[: TINY.note_samples]
                for note in pool.instruments[number].rows
            ]
            assert any(np.array_equal(clip, batch.notes[row, column].numpy()) for clip in clips)


def test_pairs_are_two_different_notes_and_half_are_of_one_family(pool: NotePool) -> None:
    sampler = BatchSampler(pool, replace(CONFIG, batch_size=6))
    for step in range(10):
        batch = sampler.pairs(step, 0)
        assert batch.notes.shape == (6, 2, TINY.note_samples)
        assert not (batch.notes[:, 0] == batch.notes[:, 1]).all(-1).any()
        names = [pool.instruments[int(number)] for number in batch.instruments]
        assert len({name.instrument_id for name in names}) == 6
        assert len({name.family for name in names[:3]}) == 1


def test_a_batch_larger_than_a_family_is_refused(pool: NotePool) -> None:
    greedy = replace(CONFIG, batch_size=8, paper_probability=1.0)
    with pytest.raises(DataError, match="batch_size"):
        BatchSampler(pool, greedy).mixtures(0, 0)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    def factor(step: int) -> float:
        return learning_rate_factor(step, total=100, warmup=10, decay=20)

    assert factor(0) == pytest.approx(0.1)
    assert factor(9) == factor(50) == factor(80) == 1
    assert factor(90) == pytest.approx(0.5)
    assert factor(100) == 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_can_be_read(path: Path) -> None:
    assert load_config(path, TrainingConfig).total_steps > 0


def test_bad_configurations_are_refused(tmp_path: Path) -> None:
    for values, words in (
        ({"learning_rat": 1}, "learning_rat"),
        ({"losses": {"tripelt": 1.0}}, "tripelt"),
        ({"batch_size": "many"}, "batch_size"),
        ({"task": "juggle"}, "juggle"),
        ([], "mapping"),
    ):
        with pytest.raises(InputError, match=words):
            parse_config(values, TrainingConfig, "test")
    with pytest.raises(InputError, match="Cannot read"):
        load_config(tmp_path / "missing.yaml", TrainingConfig)


@pytest.mark.parametrize("task", ["pairs", "mixtures"])
def test_a_killed_and_resumed_run_equals_an_unbroken_one(
    data: Path, tmp_path: Path, task: str
) -> None:
    config = replace(CONFIG, task=task)
    best = train(config, data, tmp_path / "unbroken", cpu=True)
    cut = replace(config, total_steps=3, decay_steps=0)
    train(cut, data, tmp_path / "resumed", cpu=True)
    train(config, data, tmp_path / "resumed", cpu=True)
    for name in ("objective", "average", "optimizer"):
        expected = load_file(tmp_path / f"unbroken/checkpoint/{name}.safetensors")
        resumed = load_file(tmp_path / f"resumed/checkpoint/{name}.safetensors")
        assert expected.keys() == resumed.keys()
        for key in expected:
            torch.testing.assert_close(resumed[key], expected[key], atol=1e-6, rtol=1e-5)
    assert TimbreEncoder.from_pretrained(best).families == FAMILIES


def test_a_run_starts_from_another(data: Path, tmp_path: Path) -> None:
    train(replace(CONFIG, task="pairs"), data, tmp_path / "first", cpu=True)
    second = replace(CONFIG, initial_run=str(tmp_path / "first"), total_steps=1, learning_rate=0.0)
    train(second, data, tmp_path / "second", cpu=True)
    before = load_file(tmp_path / "first/checkpoint/average.safetensors")
    after = load_file(tmp_path / "second/checkpoint/average.safetensors")
    for key in before:
        torch.testing.assert_close(after[key], before[key])
    with pytest.raises(CheckpointError, match="no checkpoint"):
        train(replace(second, initial_run=str(tmp_path)), data, tmp_path / "third", cpu=True)


def test_a_checkpoint_of_another_configuration_is_refused(data: Path, tmp_path: Path) -> None:
    train(replace(CONFIG, total_steps=1), data, tmp_path, cpu=True)
    wider = replace(CONFIG, encoder=replace(TINY, hidden_size=64))
    with pytest.raises(CheckpointError, match="another configuration"):
        train(wider, data, tmp_path, cpu=True)


def test_two_runs_in_one_folder_are_refused(data: Path, tmp_path: Path) -> None:
    with RunFolder(tmp_path).locked(), pytest.raises(CheckpointError, match="Another process"):
        train(CONFIG, data, tmp_path, cpu=True)
    train(replace(CONFIG, total_steps=1), data, tmp_path, cpu=True)


def test_training_learns(data: Path, tmp_path: Path) -> None:
    """Eight tones a family: a minute of pairs is more than enough to tell them apart."""
    config = replace(
        CONFIG, task="pairs", batch_size=8, total_steps=60, learning_rate=3e-3, ema_decay=0.9
    )
    train(config, data, tmp_path, cpu=True)
    log = np.genfromtxt(tmp_path / "log.csv", delimiter=",", names=True)
    assert log["infonce"][-1] < 0.5 * log["infonce"][0]
