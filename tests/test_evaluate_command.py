"""`cir evaluate` on a small bank of tones."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cir.cli.evaluate import evaluate
from cir.errors import CirError, DataError, InputError
from tests.tone_bank import FAMILIES, INSTRUMENTS_PER_FAMILY, TONES_HZ, write_bank

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_bank(tmp_path_factory.mktemp("banks") / "tones"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_baseline_alone_as_json(data: str) -> None:
    result = run(
        "mixtures", "--data", data, "--no-model", "--baseline", "mfcc", "--mixtures", "5", "--json"
    )
    assert result.exit_code == 0, result.output
    (measured,) = json.loads(result.stdout)["results"]
    assert measured["encoder"].startswith("mfcc-20")
    assert list(measured["scores"]) == [*FAMILIES, "mean"]
    assert measured["scores"]["bass"]["queries"] == 5
    assert measured["scores"]["bass"]["candidates"] == INSTRUMENTS_PER_FAMILY


def test_model_beside_baseline_on_single_notes(data: str, tmp_path: Path) -> None:
    from cir.model.config import EncoderConfig
    from cir.model.encoder import TimbreEncoder

    config = EncoderConfig(hidden_size=16, n_layers=1, n_heads=1, note_frames=32, mixture_frames=32)
    TimbreEncoder.from_config(config).save_pretrained(tmp_path / "model")
    result = run(
        *("single", "--data", data, "--model", str(tmp_path / "model"), "--baseline", "mfcc"),
        *("-o", str(tmp_path / "figures.json")),
    )
    assert result.exit_code == 0, result.output
    line = next(
        line for line in result.stdout.splitlines() if line.startswith("| all | MFCC mean+std |")
    )
    assert f"| {len(TONES_HZ)} |" in line
    written = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["results"]
    assert len(written) == 2
    assert written[1]["encoder"].startswith("mfcc") and not written[0]["encoder"].startswith("mfcc")


def test_families_and_markdown_file(data: str, tmp_path: Path) -> None:
    output = tmp_path / "new" / "figures.md"
    result = run(
        *("mixtures", "--data", data, "--no-model", "--baseline", "mfcc", "--mixtures", "3"),
        *("--family", "bass,synth-lead", "-o", str(output)),
    )
    assert result.exit_code == 0, result.output
    text = output.read_text(encoding="utf-8")
    assert text.strip() == result.stdout.strip()
    assert "| synth_lead |" in text and "| percussion |" not in text
    assert [path.name for path in output.parent.iterdir()] == ["figures.md"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("mixtures", "--no-model"), InputError, "needs a --baseline"),
        (("single", "--family", "bass"), InputError, "mixtures only"),
        (("mixtures", "--family", "kazoo"), InputError, "kazoo"),
        (("mixtures", "-o", "figures.xls"), InputError, ".json or .md"),
        (("mixtures", "-o", "."), InputError, ".json or .md"),
        (
            ("mixtures", "--no-model", "--baseline", "mfcc", "--family", "pipe"),
            DataError,
            "pipe.*it has bass",
        ),
        (
            ("single", "--no-model", "--baseline", "mfcc", "--split", "exam"),
            InputError,
            "exam.*train",
        ),
    ],
)
def test_bad_arguments_raise_one_clear_error(
    data: str, arguments: tuple[str, ...], error: type[CirError], message: str
) -> None:
    result = run(*arguments, "--data", data)
    assert isinstance(result.exception, error)
    with pytest.raises(error, match=message):
        raise result.exception


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    result = run("mixtures", "--data", str(tmp_path), "--no-model", "--baseline", "mfcc")
    assert isinstance(result.exception, DataError)


@pytest.mark.parametrize(
    "arguments", [("mixtures",), ("chords", "--data", "x"), ("single", "--baseline", "magic")]
)
def test_typer_refuses_what_it_knows_nothing_of(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
