"""The rows of the tables: read, checked, and made by the commands that stand beside them."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from cir.baselines.mfcc import MfccEncoder
from cir.config import load_config
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.errors import CheckpointError, InputError
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import StemListener
from cir.evaluation.rows import METHODS, PROTOCOLS, Row, build_method, load_rows
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import EncoderConfig
from cir.training.run_config import TrainingConfig
from tests.tone_bank import FAMILIES, write_bank

ROOT = Path(__file__).parent.parent
TABLES = load_rows(ROOT / "benchmarks" / "tables.yaml")
TINY = EncoderConfig(hidden_size=16, n_layers=1, n_heads=1, note_frames=32, mixture_frames=32)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return Gallery([NoteBankDataset(write_bank(tmp_path_factory.mktemp("banks") / "tones"))])


def test_the_tables_have_every_row_of_the_paper() -> None:
    figures = {name: [row.paper for row in rows if row.paper] for name, rows in TABLES.items()}
    assert figures == {
        "single": [(29.7, 40.1), (62.9, 75.2), (83.2, 95.0), (79.0, 91.2), (80.4, 93.1)],
        "mixtures": [(14.5, 25.8), (17.3, 62.6), (64.8, 85.0), (81.7, 95.7), (70.0, 93.3)],
    }
    assert set(TABLES) == set(PROTOCOLS)
    for rows in TABLES.values():
        assert len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize(
    "row",
    [row for row in TABLES["single"] + TABLES["mixtures"] if row.made_by and row.model],
    ids=lambda row: row.name,
)
def test_the_command_beside_a_row_makes_its_model(row: Row) -> None:
    words = shlex.split(row.made_by)
    assert words[:2] == ["cir", "train"]
    overrides = [words[at + 1] for at, word in enumerate(words) if word == "--with"]
    config = load_config(ROOT / words[2], TrainingConfig, [ROOT / one for one in overrides])
    assert config.total_steps * 24 == 50_016
    assert config.encoder.hidden_size == 128 and config.initial_ast is None
    name = "-".join(Path(one).stem for one in (words[2], *overrides))
    assert row.model == f"runs/{name}/best"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_built(method: str, gallery: Gallery, tmp_path: Path) -> None:
    TimbreEncoder.from_config(TINY).save_pretrained(tmp_path / "model")
    row = Row("a row", method, str(tmp_path / "model"))
    if method == "demucs":
        pytest.skip("needs the weights of Demucs; tests/test_demucs.py has a double of it")
    built = build_method(row, gallery, FAMILIES)
    assert built.identity
    assert isinstance(built, StemListener) == (method in ("true-stems", "ideal-masks"))


def test_mfcc_knows_only_the_families_that_are_asked_for(gallery: Gallery) -> None:
    row = Row("MFCC", "mfcc")
    few, all_of_them = (build_method(row, gallery, families) for families in (FAMILIES[:1], None))
    assert isinstance(few, MfccEncoder)
    assert few.identity != all_of_them.identity


def test_labels_hold_the_paper_s_figures() -> None:
    row = Row("x", "mfcc", paper=(1.0, 2.0), about="plain", made_by="cir train y")
    assert row.labels() == {
        "paper": {"top_1": 1.0, "top_5": 2.0},
        "about": "plain. cir train y",
    }
    assert replace(row, paper=()).labels()["paper"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "must map"),
        ("double: []\n", "must map"),
        ("single: [{name: x, method: magic}]\n", "magic.*mfcc"),
        ("single: [{name: x, paper: [1.0]}]\n", "1 figures"),
        ("single: [{name: x, colour: red}]\n", "colour"),
        ("single: [\n", "is not YAML"),
    ],
)
def test_bad_rows_are_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_rows(path)


def test_a_missing_model_is_named(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        build_method(Row("x", model=str(tmp_path / "nowhere")), gallery, None)
