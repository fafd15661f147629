"""Results as JSON and as Markdown tables."""

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cir.errors import DataError, InputError
from cir.evaluation.report.documents import from_json, to_json
from cir.evaluation.report.sections import to_markdown
from cir.evaluation.report.words import escape, listed, things
from tests.report_cases import (
    FAMILIES,
    SEPARATION,
    conditions,
    everything,
    mixtures,
    open_set,
    single,
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def row_of(text: str, name: str) -> list[str]:
    """The first row that starts with a name."""
    return next(cells(line) for line in text.splitlines() if line.startswith(f"| {name} "))


def test_a_round_trip_through_json_changes_no_table() -> None:
    results = everything()
    assert from_json(to_json(results)) == results
    assert to_markdown(from_json(to_json(results))) == to_markdown(results)


def test_the_paper_stands_beside_ours() -> None:
    text = to_markdown(everything())
    assert cells(text.splitlines()[4])[:3] == ["method", "paper: top-1 / top-5 %", "top-1 %"]
    triplet = row_of(text, "contrastive: triplet")
    assert triplet[1:] == ["64.8 / 85.0", "10.0 [8.0, 12.0]", "20.0 [16.0, 24.0]", "0.140", "15.7"]
    assert row_of(text, "cir")[1] == "–"
    assert row_of(text, "chance")[1:4] == ["", "0.4", "2.0"]
    assert "**contrastive: triplet**: trained: small.yaml" in text


def test_no_column_for_the_paper_without_its_figures() -> None:
    assert "paper" not in to_markdown([mixtures("cir", 0.2)])


def test_a_missing_row_says_why() -> None:
    text = to_markdown(everything())
    assert row_of(text, SEPARATION)[1:] == ["14.5 / 25.8", "not measured", "–", "–", "–"]
    assert f"- **{SEPARATION}**: not measured: its weights are not here; fetch them first" in text


def test_missing_rows_alone_are_a_table_too() -> None:
    (missing,) = (result for result in everything() if "missing" in result)
    text = to_markdown([missing])
    assert "Nothing was measured." in text and "not measured: its weights" in text


@pytest.mark.parametrize("protocol", ["conditions", "open-set"])
def test_other_protocols_may_be_missing(protocol: str) -> None:
    text = to_markdown([{"protocol": protocol, "name": "cir", "missing": "no calibration"}])
    assert "**cir**: not measured: no calibration" in text


def test_each_family_has_a_table() -> None:
    text = to_markdown(everything())
    for family, size in FAMILIES.items():
        name = family.replace("_", " ")
        assert f"**{name}**: 1 000 queries for 12 instruments, {size} candidates" in text
    assert "**no family**" in text and "**source: surge**" in text


def test_one_family_without_intervals() -> None:
    one = mixtures("cir", 0.2, families={"bass": 275}, interval=False)
    text = to_markdown([one])
    assert row_of(text, "cir")[1:] == ["20.0", "40.0", "0.280", "15.7"]
    assert "1 000 queries for 1 instrument, 275 candidates" in text
    assert "(one of each: bass)" in text


def test_the_papers_way_is_a_column_of_single_notes() -> None:
    text = to_markdown([single("cir", 0.4)])
    assert row_of(text, "method")[-1] == "the paper's way: top-1 / top-5 %"
    assert row_of(text, "cir")[-1] == "44.0 / 88.0"


def test_other_data_is_another_table() -> None:
    other = mixtures("cir", 0.3)
    other["settings"] = other["settings"] | {"data": ["soundfonts"], "setting": "realistic"}
    text = to_markdown([mixtures("cir", 0.2), other])
    assert "## Instruments in a mixture of surge\n" in text
    assert "## Instruments in a mixture of soundfonts\n" in text
    assert "mixed in the setting realistic" in text


def test_conditions() -> None:
    text = to_markdown([conditions()])
    assert "### Level of the target, dB" in text and "### Robustness\n" in text
    row = row_of(text, "-12")
    assert row[1:4] == ["1 500", "253", "5.0 [4.0, 6.0]"]
    assert row[-1] == "0.4 / 2.0"  # no stability in this group
    assert row_of(text, "clean")[-1] == "–"
    assert row_of(text, "mp3, 64 kbit/s")[-1] == "71.0"
    assert ["-12", "5.0 / 10.0", "5.0 / 10.0", "5.0 / 10.0"] in map(cells, text.splitlines())


def test_open_set() -> None:
    text = to_markdown([open_set()])
    assert row_of(text, "AUROC, the instrument is absent")[-1] == "0.612 [0.570, 0.660]"
    assert row_of(text, "AUROC, the whole family is absent")[-1] == "0.830"
    assert row_of(text, "0.0 to 50.0")[1:] == ["812", "20.0", "25.0"]
    assert "50.0 to 100.0" not in text  # nothing in it
    assert "10.0 % of the queries whose instrument is there (false alarms)" in text
    assert "21.0 % of those where the instrument is absent" in text


def test_every_row_has_as_many_cells_as_its_table() -> None:
    strange = mixtures("a | b\n*c*", 0.2, about="x | y")
    for block in to_markdown([*everything(), strange]).split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("|"):
            assert len({len(cells(line)) for line in lines}) == 1, block
            assert len({len(line) for line in lines}) == 1, block  # aligned in a terminal


@pytest.mark.parametrize(
    "name",
    [
        "a | b",
        "a \\| b",
        "*a* _b_ `c` [d](e)",
        "<script>alert(1)</script>",
        "R&B &amp; ~~x~~",
        "a_b",
    ],
)
def test_names_are_read_as_they_are(name: str) -> None:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(to_markdown([mixtures(name, 0.2)]))
    texts = {
        "".join(child.content for child in token.children or ())
        for token in tokens
        if token.type == "inline"
    }
    assert name in texts


def test_a_name_of_two_lines_stays_on_one() -> None:
    assert escape("a\nb") == "a b"


def test_words() -> None:
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"
    assert things(1, "query", "queries") == "1 query"
    assert things(5000, "query", "queries") == "5 000 queries"


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "no results"),
        ([{"protocol": "chords"}], "chords.*mixtures"),
        ([{"protocol": "mixtures", "encoder": "x"}], "lacks 'settings'"),
        ([{"protocol": "mixtures", "missing": "why"}], "lacks 'name'"),
    ],
)
def test_what_is_no_result_is_refused(results: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_markdown(results)
    with pytest.raises(DataError, match=message):
        from_json(to_json(results))


@pytest.mark.parametrize("text", ["", "[]", '{"results": 3}', '{"results": [3]}'])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        from_json(text)


def test_figures_of_earlier_versions_can_still_be_read() -> None:
    old = mixtures("cir", 0.2)
    for key in ("name", "seconds"):
        del old[key]
    for key in ("data", "setting"):
        del old["settings"][key]
    for row in old["scores"].values():
        del row["curve"]
    assert row_of(to_markdown([old]), "id-cir")[1] == "20.0 [16.0, 24.0]"
