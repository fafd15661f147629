"""`cir evaluate` on a small bank of tones."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cir.cli.evaluate import evaluate
from cir.errors import CirError, DataError, InputError
from tests.tone_bank import FAMILIES, INSTRUMENTS_PER_FAMILY, TONES_HZ, write_bank

pytestmark = pytest.mark.slow

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
    from cir.model.ast_config import EncoderConfig
    from cir.model.encoder import TimbreEncoder

    config = EncoderConfig(hidden_size=16, n_layers=1, n_heads=1, note_frames=32, mixture_frames=32)
    TimbreEncoder.from_config(config).save_pretrained(tmp_path / "model")
    result = run(
        *("single", "--data", data, "--model", str(tmp_path / "model"), "--baseline", "mfcc"),
        *("-o", str(tmp_path / "figures.json")),
    )
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert any(line.startswith("| MFCC mean+std ") for line in lines)
    assert any(f"{len(TONES_HZ)} candidates" in line for line in lines)
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
    assert "**synth lead**" in text and "**percussion**" not in text
    assert [path.name for path in output.parent.iterdir()] == ["figures.md"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("mixtures", "--no-model"), InputError, "needs a --baseline"),
        (("mixtures", "--rows", "x.yaml", "--baseline", "mfcc"), InputError, "names all methods"),
        (("single", "--rows", "x.yaml"), InputError, "x.yaml"),
        (("open-set", "--no-model", "--baseline", "mfcc"), InputError, "needs a model"),
        (("single", "--card", "nowhere.md"), InputError, "nowhere.md"),
        (("single", "--results", "nowhere.json"), InputError, "nowhere.json"),
        (("single", "--family", "bass"), InputError, "needs mixtures"),
        (("mixtures", "--family", "kazoo"), InputError, "kazoo"),
        (("mixtures", "-o", "figures.xls"), InputError, ".json or .md"),
        (("mixtures", "-o", "."), InputError, ".json or .md"),
        (
            ("mixtures", "--no-model", "--baseline", "mfcc", "--family", "pipe"),
            DataError,
            "pipe.*there is bass",
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


def test_nothing_to_evaluate_on_is_refused() -> None:
    result = run("mixtures")
    assert isinstance(result.exception, InputError)
    assert "--data" in str(result.exception)


def test_rows_of_a_table_and_one_that_cannot_be_measured(data: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.yaml"
    rows.write_text(
        "single:\n"
        "  - {name: MFCC, method: mfcc, paper: [1.0, 2.0]}\n"
        "  - {name: a model, model: nowhere/best, made_by: cir train it.yaml}\n",
        encoding="utf-8",
    )
    figures, report = tmp_path / "figures.json", tmp_path / "report"
    result = run("single", "--data", data, "--rows", str(rows), "-o", str(figures))
    assert result.exit_code == 0, result.output
    mfcc, missing = json.loads(figures.read_text(encoding="utf-8"))["results"]
    assert mfcc["paper"] == {"top_1": 1.0, "top_5": 2.0} and mfcc["seconds"] > 0
    assert "nowhere" in missing["missing"] and "cir train it.yaml" in missing["missing"]
    assert "not measured" in result.stdout
    again = run("--results", str(figures), "--report", str(report), "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["results"] == [mfcc, missing]
    assert (report / "report.md").is_file()


def test_a_card_gets_the_figures_of_the_model(data: str, tmp_path: Path) -> None:
    from cir.model.ast_config import EncoderConfig
    from cir.model.encoder import TimbreEncoder

    config = EncoderConfig(hidden_size=16, n_layers=1, n_heads=1, note_frames=32, mixture_frames=32)
    TimbreEncoder.from_config(config).save_pretrained(tmp_path / "model")
    card = tmp_path / "model" / "README.md"
    arguments = ("single", "--data", data, "--model", str(tmp_path / "model"), "--card", str(card))
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "model-index:" in card.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [("chords", "--data", "x"), ("single", "--baseline", "magic")]
)
def test_typer_refuses_what_it_knows_nothing_of(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_one_row_is_measured_again_and_the_others_stay(data: str, tmp_path: Path) -> None:
    rows, figures = tmp_path / "rows.yaml", tmp_path / "figures.json"
    methods = ", ".join(f"{{name: {name}, method: mfcc}}" for name in ("One", "Two", "New"))
    rows.write_text(f"mixtures: [{methods}]", encoding="utf-8")
    asked = ("mixtures", "--data", data, "--rows", str(rows), "-o", str(figures))
    assert run(*asked, "--mixtures", "4", "--only", "Two", "--only", "One").exit_code == 0
    assert run(*asked, "--mixtures", "5", "--only", "Two", "--only", "New").exit_code == 0
    found = json.loads(figures.read_text(encoding="utf-8"))["results"]
    assert [(one["name"], one["settings"]["mixtures"]) for one in found] == [
        ("One", 4),
        ("Two", 5),
        ("New", 5),
    ]
    for wrong, words in (
        ((*asked, "--only", "Three"), "no row 'Three'"),
        (("mixtures", "--data", data, "--only", "One"), "--rows"),
    ):
        error = run(*wrong).exception
        assert isinstance(error, InputError) and words in str(error)
