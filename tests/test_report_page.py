"""The report: complete, the same every time, nothing from elsewhere."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from cir.errors import InputError
from cir.evaluation.report.documents import from_json
from cir.evaluation.report.maps import MapFigure, embedding_map
from cir.evaluation.report.page import check_report_folder, write_report
from tests.report_cases import SEPARATION, everything, mixtures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def little_map() -> MapFigure:
    embeddings = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embedding_map(embeddings, ["bass", None, "voice"] * 3, 0, title="Nine instruments")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, little_map: MapFigure) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "new" / "report"
    commands = ["cir evaluate all --report report"]
    page = write_report(folder, everything(), maps=[little_map], commands=commands)
    assert page == folder / "report.md"
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.md").read_text(encoding="utf-8")


def test_every_section_is_there(page: str) -> None:
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == [
        "In short",
        "Instruments in a mixture of surge",
        "Single notes of surge + soundfonts",
        "Other conditions",
        "When the instrument is not there",
        "How to read the tables",
        "Map of timbre",
        "How it was made",
    ]
    assert "These are not the paper's data." in page
    assert "760 candidates (109 percussion, 275 bass and 376 synth lead)" in page
    assert "cir evaluate all --report report" in page
    assert "not measured: its weights" in page and SEPARATION in page


def test_it_leads_with_the_highest_of_each_table(page: str) -> None:
    assert "highest top-1 of 3 methods is that of **cir**, 16.7 [13.4, 20.0] %" in page


def test_charts_are_beside_the_page_and_nothing_comes_from_elsewhere(
    folder: Path, page: str
) -> None:
    named = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert len(named) == 10  # 2 standings, 2 curves, 2 confusions, 2 conditions, reliability, map
    assert sorted(named) == sorted(f"figures/{one.name}" for one in (folder / "figures").iterdir())
    for name in named:
        with Image.open(folder / name) as image:
            assert min(image.size) > 150
            assert image.convert("L").getextrema() != (255, 255)  # something is drawn
    assert not re.search(r"https?://", page)


def test_its_figures_can_be_read_again(folder: Path) -> None:
    assert from_json((folder / "results.json").read_text(encoding="utf-8")) == everything()


def test_the_same_results_give_the_same_page(
    folder: Path, tmp_path: Path, little_map: MapFigure
) -> None:
    commands = ["cir evaluate all --report report"]
    write_report(tmp_path / "again", everything(), maps=[little_map], commands=commands)
    for name in ("report.md", "results.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_names_cannot_bring_markup(tmp_path: Path) -> None:
    name = '<img src="https://example.org/x.png"> ![x](https://example.org) $x$'
    more: dict[str, Any] = {"about": name, "paper": {"top_1": 1.0, "top_5": 2.0}}
    page = write_report(tmp_path / "report", [mixtures(name, 0.2, **more)], title=name)
    html = MarkdownIt().enable("table").render(page.read_text(encoding="utf-8"))
    assert all(one.startswith("figures/") for one in re.findall(r'<img src="([^"]*)"', html))
    assert "<a " not in html


def test_one_family_without_intervals_or_curves(tmp_path: Path) -> None:
    one = mixtures("cir", 0.2, families={"bass": 275}, interval=False)
    for row in one["scores"].values():
        del row["curve"]
    write_report(tmp_path / "report", [one])
    names = {path.name for path in (tmp_path / "report" / "figures").iterdir()}
    assert names == {"mixtures-1-accuracy.png"}


def test_progress_ends_at_one(tmp_path: Path) -> None:
    told: list[float] = []
    write_report(
        tmp_path / "report",
        [mixtures("cir", 0.2)],
        progress=lambda fraction, words: told.append(fraction),
    )
    assert told[0] == 0.0 and told[-1] == 1.0 and told == sorted(told)


def test_an_earlier_report_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    write_report(folder, [mixtures("first", 0.2)])
    write_report(folder, [mixtures("second", 0.2)])
    assert "second" in (folder / "report.md").read_text(encoding="utf-8")
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"thesis.txt.*new folder"):
        write_report(folder, [mixtures("third", 0.2)])
    assert "second" in (folder / "report.md").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="is a file"):
        check_report_folder(folder / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_an_error_leaves_the_earlier_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "report"
    write_report(folder, [mixtures("first", 0.2)])

    def fail(*_: object) -> str:
        raise RuntimeError("disk full")

    monkeypatch.setattr("cir.evaluation.report.page.to_page_markdown", fail)
    with pytest.raises(RuntimeError):
        write_report(folder, [mixtures("second", 0.2)])
    assert "first" in (folder / "report.md").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_map_needs_a_family_for_each_embedding() -> None:
    with pytest.raises(InputError, match=r"\(2, 3\) and 1"):
        embedding_map(np.eye(3, dtype=np.float32)[:2], ["bass"])


def test_a_map_of_enough_points_says_how_far_it_is_to_be_trusted() -> None:
    embeddings = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    figure = embedding_map(embeddings, ["bass"] * 40)
    assert figure.trustworthiness is not None and 0.5 < figure.trustworthiness <= 1.0
    assert figure.coordinates.shape == (40, 2)
