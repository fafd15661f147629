"""Training: schedule, configurations, and runs that learn, are killed and resumed."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cir.config import load_config
from cir.errors import CheckpointError
from cir.model.encoder import TimbreEncoder
from cir.training.loop import _Trainer, train
from cir.training.run_config import TrainingConfig
from cir.training.run_folder import RunFolder
from tests.tone_bank import FAMILIES, write_bank
from tests.training_cases import TINY, tiny_config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CONFIGS = sorted(
    path
    for folder in (ROOT / "configs", ROOT / "benchmarks" / "recipes")
    for path in folder.glob("*.yaml")
    if not path.stem.startswith("cir-")
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("bank"))


@pytest.mark.parametrize(
    ("schedule", "middle"), [("linear", 0.505), ("cosine", 0.505), ("exponential", 0.1)]
)
def test_the_learning_rate_rises_stays_and_falls(schedule: str, middle: float) -> None:
    rate = tiny_config(
        Path("x"),
        schedule=schedule,
        total_steps=100,
        warmup_steps=10,
        decay_steps=20,
        learning_rate=1.0,
        final_learning_rate=0.01,
    ).learning_rate_at
    assert rate(0) == pytest.approx(0.1)
    assert rate(9) == rate(50) == rate(80) == 1
    assert rate(90) == pytest.approx(middle)
    assert rate(100) == pytest.approx(0.01)
    falling = [rate(step) for step in range(80, 101)]
    assert falling == sorted(falling, reverse=True)


def test_the_learning_rate_of_the_paper() -> None:
    """1e-4 to 1e-6: one per cent of warm-up, then exponential."""
    config = load_config(ROOT / "configs" / "paper-mix-triplet.yaml", TrainingConfig)
    rates = [config.learning_rate_at(step) for step in (199, 200, 10_100, 20_000)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-6])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_train(path: Path, data: Path, tmp_path: Path) -> None:
    """Two steps of each at a size for tests, from scratch, on tones."""
    config = load_config(path, TrainingConfig)
    encoder = replace(
        config.encoder,
        hidden_size=TINY.hidden_size,
        n_layers=TINY.n_layers,
        n_heads=TINY.n_heads,
        note_frames=TINY.note_frames,
        mixture_frames=TINY.mixture_frames,
    )
    small = replace(
        config,
        batch_size=2,
        total_steps=2,
        warmup_steps=1,
        n_validation_mixtures=2,
        encoder=encoder,
        data=(f"bank:{data}",),
        data_weights=(),
        paper_probability=1.0,
        initial=None,
        initial_ast=None,
        trackers=(),
    )
    train(small, tmp_path, cpu=True)
    state = json.loads((tmp_path / "checkpoint/state.json").read_text("utf-8"))
    assert state["step"] == 2


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("pairs", {}),
        ("mixtures", {"encoder": replace(TINY, dropout=0.2)}),
    ],
)
def test_an_interrupted_and_resumed_run_equals_an_unbroken_one(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    changes: dict[str, object],
) -> None:
    config = tiny_config(data, task, **changes)
    best = train(config, tmp_path / "unbroken", cpu=True)
    step = _Trainer._step
    with monkeypatch.context() as patch:

        def interrupted_step(trainer: _Trainer, plan: Any) -> Any:
            if trainer.state.step == 2:
                signal.raise_signal(signal.SIGINT)  # Ctrl-C
            return step(trainer, plan)

        patch.setattr(_Trainer, "_step", interrupted_step)
        train(config, tmp_path / "resumed", cpu=True)
    state = json.loads((tmp_path / "resumed/checkpoint/state.json").read_text("utf-8"))
    assert state["step"] == 3
    train(config, tmp_path / "resumed", cpu=True)
    for name in ("objective", "average", "optimizer"):
        expected = load_file(tmp_path / f"unbroken/checkpoint/{name}.safetensors")
        resumed = load_file(tmp_path / f"resumed/checkpoint/{name}.safetensors")
        assert expected.keys() == resumed.keys()
        for key in expected:
            torch.testing.assert_close(resumed[key], expected[key], atol=1e-6, rtol=1e-5)
    assert TimbreEncoder.from_pretrained(best).families == FAMILIES


def test_a_run_starts_from_another_or_from_a_model(data: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    train(tiny_config(data, "pairs"), first, cpu=True)
    second = tiny_config(data, initial=str(first), total_steps=1, learning_rate=0.0)
    train(second, tmp_path / "second", cpu=True)
    before = load_file(first / "checkpoint/average.safetensors")
    after = load_file(tmp_path / "second/checkpoint/average.safetensors")
    for key in before:
        torch.testing.assert_close(after[key], before[key])
    train(replace(second, initial=str(first / "last")), tmp_path / "third", cpu=True)
    from_model = load_file(tmp_path / "third/checkpoint/average.safetensors")
    for key in before:
        torch.testing.assert_close(from_model[key], before[key], atol=1e-3, rtol=1e-3)  # float16
    learned = load_file(first / "checkpoint/objective.safetensors")["log_temperature"]
    train(replace(second, learn_temperature=False), tmp_path / "constant", cpu=True)
    own = load_file(tmp_path / "constant/checkpoint/objective.safetensors")["log_temperature"]
    assert own.exp() == pytest.approx(0.1) and learned.exp() != pytest.approx(0.1)
    with pytest.raises(CheckpointError, match="no folder"):
        train(replace(second, initial=str(tmp_path / "none")), tmp_path / "fourth", cpu=True)
    assert not (tmp_path / "none").exists()
    with pytest.raises(CheckpointError, match="neither a checkpoint nor a model"):
        train(replace(second, initial=str(tmp_path)), tmp_path / "fourth", cpu=True)


def test_an_ast_out_of_reach_is_said_and_done_without(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tiny_config(data, initial_ast=str(tmp_path / "missing"), total_steps=1)
    train(config, tmp_path / "run", cpu=True)
    assert "Starting from scratch" in capsys.readouterr().out
    (tmp_path / "no-ast").mkdir()
    with pytest.raises(CheckpointError, match="no-ast"):
        train(replace(config, initial_ast=str(tmp_path / "no-ast")), tmp_path / "other", cpu=True)


def test_a_checkpoint_of_another_configuration_is_refused(data: Path, tmp_path: Path) -> None:
    train(tiny_config(data, total_steps=1), tmp_path, cpu=True)
    wider = tiny_config(data, encoder=replace(TINY, hidden_size=64))
    with pytest.raises(CheckpointError, match="another configuration"):
        train(wider, tmp_path, cpu=True)


def test_two_runs_in_one_folder_are_refused(data: Path, tmp_path: Path) -> None:
    config = tiny_config(data, total_steps=1)
    with RunFolder(tmp_path).locked(), pytest.raises(CheckpointError, match="Another process"):
        train(config, tmp_path, cpu=True)
    train(config, tmp_path, cpu=True)


def test_training_learns_and_logs(data: Path, tmp_path: Path) -> None:
    """Eight tones a family: a minute of pairs is more than enough to tell them apart."""
    config = tiny_config(
        data,
        "pairs",
        batch_size=8,
        total_steps=60,
        learning_rate=3e-3,
        ema_decay=0.9,
        trackers=("tensorboard", "nobody-has-this-tracker"),
    )
    train(config, tmp_path, cpu=True)
    log = np.genfromtxt(tmp_path / "log.csv", delimiter=",", names=True)
    assert log["pair_infonce"][-1] < 0.5 * log["pair_infonce"][0]
    events = list((tmp_path / "tensorboard").rglob("*tfevents*"))
    assert events
    assert b"validation/top_1" in b"".join(path.read_bytes() for path in events)
