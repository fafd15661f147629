"""Runs that go wrong: they end with a sentence, and what they made never counts as the best."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cir.datasets.note_bank import NoteBankDataset
from cir.errors import DataError
from cir.training.loop import train
from cir.training.validation import Validation
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder
from tests.tone_bank import write_bank
from tests.training_cases import tiny_config, tone_pool

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"))


class OnePoint(SpectrumEncoder):
    """Has the same embedding for everything."""

    def __init__(self, value: float) -> None:
        super().__init__(embedding_size=4)
        self._value = value

    def embed(self, sounds: Sequence[FloatArray], sample_rate: int, **_: object) -> FloatArray:
        return np.full((len(sounds), 4), self._value, np.float32)


@pytest.mark.parametrize("task", ["pairs", "mixtures"])
@pytest.mark.parametrize("value", [0.5, math.nan])
def test_a_model_that_collapsed_or_diverged_finds_nothing(
    data: Path, task: str, value: float
) -> None:
    validation = Validation(NoteBankDataset(data), tone_pool(data), tiny_config(data, task))
    found = validation.run(OnePoint(value))
    assert found["top_1"] == 0.0
    assert found["mrr"] < 0.5


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(data: Path, tmp_path: Path) -> None:
    config = tiny_config(
        data,
        learning_rate=1e30,
        max_gradient_norm=0.0,
        total_steps=30,
        checkpoint_every_seconds=0.0,
    )
    with pytest.raises(DataError, match=r"not a finite number at step \d+: the run was stopped"):
        train(config, tmp_path, cpu=True)
    assert not (tmp_path / "best").exists()
    kept = load_file(tmp_path / "checkpoint/objective.safetensors")
    assert all(bool(torch.isfinite(one).all()) for one in kept.values())
