"""`cir render-notes` and `cir train`, one after the other."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from cir.cli.main import app
from cir.errors import CheckpointError, InputError
from cir.instruments.note_bank import NoteBank
from cir.model.encoder import TimbreEncoder
from tests.tone_bank import TONES_HZ, write_bank

pytestmark = pytest.mark.slow

TINY_RECIPE = Path(__file__).parent.parent / "configs" / "cir-tiny.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("banks") / "tones")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    values = {
        "task": "pairs",
        "encoder": {"hidden_size": 16, "n_layers": 1, "n_heads": 1, "note_frames": 32},
        "losses": {"pair_triplet": 1.0},
        "batch_size": 2,
        "total_steps": 2,
        "warmup_steps": 0,
        "validate_every_steps": 2,
        "trackers": [],
    }
    path = tmp_path / "few-steps.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_notes_are_rendered_once_and_trained_on(bank: Path, config: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    rendered = run("render-notes", f"bank:{bank}", "-o", str(notes), "--nearest-db", "0")
    assert rendered.exit_code == 0, rendered.output
    assert f"notes of {len(TONES_HZ)} instruments" in rendered.output
    assert len(NoteBank.open(notes).instruments) == len(TONES_HZ)
    folder = tmp_path / "run"
    arguments = ["train", str(config), "--data", f"bank:{notes}", "-o", str(folder), "--cpu"]
    trained = run(*arguments, "--seed", "5")
    assert trained.exit_code == 0, trained.output
    assert "Best model by validation" in trained.output
    assert TimbreEncoder.from_pretrained(folder / "best").embedding_size == 16
    kept = json.loads((folder / "config.json").read_text("utf-8"))
    assert (kept["seed"], kept["data"]) == (5, [f"bank:{notes}"])


def test_a_budget_and_a_start_take_the_place_of_the_configuration_s(
    bank: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = tmp_path / "tiny.yaml"
    budget.write_text("encoder: {hidden_size: 8}\ntotal_steps: 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    arguments = ["train", str(config), "--with", str(budget), "--data", f"bank:{bank}", "--cpu"]
    trained = run(*arguments)
    assert trained.exit_code == 0, trained.output
    kept = json.loads(Path("runs/few-steps-tiny/config.json").read_text("utf-8"))
    assert (kept["total_steps"], kept["batch_size"]) == (1, 2)
    assert (kept["encoder"]["hidden_size"], kept["encoder"]["n_layers"]) == (8, 1)
    further = run(*arguments, "--initial", "runs/few-steps-tiny", "-o", "runs/further")
    assert further.exit_code == 0, further.output
    kept = json.loads(Path("runs/further/config.json").read_text("utf-8"))
    assert kept["initial"] == "runs/few-steps-tiny"


def test_an_interruption_between_the_stages_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cir.training.recipe.FeatureCache.open", interrupted)
    stopped = run("train", str(TINY_RECIPE), "-o", str(tmp_path / "run"), "--cpu")
    assert stopped.exit_code != 0
    assert f"the same command goes on in {tmp_path / 'run'}" in stopped.output


def test_sources_and_configurations_that_are_not_there(config: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("train", str(tmp_path / "none.yaml")), "Cannot read"),
        (("train", str(config), "--data", "tapes:x", "-o", str(tmp_path)), "Unknown dataset"),
        (("render-notes", "generated:many", "-o", str(tmp_path)), "whole number"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, InputError | CheckpointError), result.output
        assert words in str(result.exception)
