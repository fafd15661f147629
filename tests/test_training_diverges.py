"""Runs that diverge end with a sentence, and what they made never counts as the best."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cir.errors import DataError
from cir.training.loop import train
from tests.tone_bank import write_bank
from tests.training_cases import tiny_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"))


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
