"""The page: complete, one file, the same every time, nothing from elsewhere."""

import builtins
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cir.errors import InputError
from cir.evaluation.report.documents import from_json
from cir.evaluation.report.maps import MapFigure, embedding_map
from cir.evaluation.report.page import check_report_folder, write_report
from tests.report_cases import SEPARATION, everything, mixtures


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
    assert page == folder / "report.html"
    return folder


class Page(HTMLParser):
    """What a page shows and what it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.tags: set[str] = set()
        self.alternatives: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self._open.append(tag)
        self.anchors |= {values["id"]} if "id" in values else set()
        self.loaded += [
            values[name] for name in ("src", "srcset", "poster", "data") if name in values
        ]
        if "href" in values:
            (self.links if tag == "a" else self.loaded).append(values["href"])
        if tag == "img":
            self.alternatives.append(values["alt"])

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "h2":
            self.headings.append(data)
            self._open.append("")


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_every_section_is_there(folder: Path, html: str) -> None:
    wanted = [
        "In short",
        "Instruments in a mixture of surge",
        "Single notes of surge + soundfonts",
        "Other conditions",
        "When the instrument is not there",
        "How to read the tables",
        "Map of timbre",
        "How it was made",
    ]
    assert Page(html).headings == wanted
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert [line[3:] for line in markdown.splitlines() if line.startswith("## ")] == wanted
    for text in (html, markdown):
        assert "These are not the paper's data." in " ".join(text.split()).replace("&#x27;", "'")
        assert "760 candidates (109 percussion, 275 bass and 376 synth lead)" in text
        assert "cir evaluate all --report report" in text
        assert "not measured: its weights" in text and SEPARATION in text


def test_it_leads_with_the_highest_of_each_table(html: str) -> None:
    assert "highest top-1 of 3 methods is that of <strong>cir</strong>, 16.7 [13.4, 20.0] %" in html


def test_nothing_comes_from_elsewhere(html: str) -> None:
    page = Page(html)
    assert page.loaded and all(one.startswith("data:image/png;base64,") for one in page.loaded)
    assert all(link.startswith("#") and link[1:] in page.anchors for link in page.links)
    assert not page.tags & {"script", "iframe", "object", "embed", "link", "base"}
    assert not re.search(r"https?://|url\(|@import", html)


def test_pictures_are_beside_the_markdown_and_in_the_html(folder: Path, html: str) -> None:
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    named = re.findall(r"!\[[^\]]+\]\((figures/[^)]+)\)", markdown)
    assert len(named) == 10  # 2 standings, 2 curves, 2 confusions, 2 conditions, reliability, map
    assert {path.name for path in (folder / "figures").iterdir()} == {Path(n).name for n in named}
    for name in named:
        with Image.open(io.BytesIO((folder / name).read_bytes())) as image:
            assert min(image.size) > 150
            assert image.convert("L").getextrema() != (255, 255)  # something is drawn
    page = Page(html)
    assert len(page.loaded) == len(named)
    assert all(page.alternatives)


def test_its_figures_can_be_read_again(folder: Path) -> None:
    assert from_json((folder / "results.json").read_text(encoding="utf-8")) == everything()


def test_the_same_results_give_the_same_page(
    folder: Path, tmp_path: Path, little_map: MapFigure
) -> None:
    commands = ["cir evaluate all --report report"]
    write_report(tmp_path / "again", everything(), maps=[little_map], commands=commands)
    for name in ("report.md", "report.html", "results.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_names_cannot_bring_markup(tmp_path: Path) -> None:
    name = '<img src="https://example.org/x.png"> ![x](https://example.org) $x$'
    more: dict[str, Any] = {"about": name, "paper": {"top_1": 1.0, "top_5": 2.0}}
    page = write_report(tmp_path / "report", [mixtures(name, 0.2, **more)], title=name)
    read = Page(page.read_text(encoding="utf-8"))
    assert all(one.startswith("data:") for one in read.loaded)
    assert all(link.startswith("#") for link in read.links)


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

    monkeypatch.setattr("cir.evaluation.report.page.to_html", fail)
    with pytest.raises(RuntimeError):
        write_report(folder, [mixtures("second", 0.2)])
    assert "first" in (folder / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_without_matplotlib_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: Callable[..., Any] = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match="pip install matplotlib"):
        write_report(tmp_path / "report", [mixtures("cir", 0.2)])


def test_a_map_needs_a_family_for_each_embedding() -> None:
    with pytest.raises(InputError, match=r"\(2, 3\) and 1"):
        embedding_map(np.eye(3, dtype=np.float32)[:2], ["bass"])


def test_a_map_of_enough_points_says_how_far_it_is_to_be_trusted() -> None:
    embeddings = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    figure = embedding_map(embeddings, ["bass"] * 40)
    assert figure.trustworthiness is not None and 0.5 < figure.trustworthiness <= 1.0
    assert figure.coordinates.shape == (40, 2)
