"""The README and the pages of docs say what was measured; its file tree is there."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVING = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
RESULTS_PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
PAGES = "\n".join((README, SERVING, RESULTS_PAGE))
"""Where figures stand."""


def test_the_file_tree_names_what_is_there() -> None:
    tree = README.split("## What is where")[1].split("```")[1]
    inside = False
    for line in tree.strip().splitlines():
        names = [name for name in line[:26].split() if "." in name or "/" in name]
        inside = line.startswith(" ") and inside
        for name in names:
            assert (ROOT / "cir" / name if inside else ROOT / name).exists(), name
        inside = inside or names == ["cir/"]


RESULTS = ROOT / "benchmarks" / "results"
BUNDLED = "ours: the bundled model"
MFCC = "MFCC mean+std"


def results_of(name: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))[
        "results"
    ]
    return results


def both(scores: dict[str, Any], what: str = "value") -> str:
    return " / ".join(f"{100 * scores[metric][what]:.1f}" for metric in ("top_1", "top_5"))


def intervals(scores: dict[str, Any]) -> str:
    return " / ".join(
        f"[{100 * scores[metric]['low']:.1f}, {100 * scores[metric]['high']:.1f}]"
        for metric in ("top_1", "top_5")
    )


@pytest.mark.parametrize("name", ["union_mixtures", "union_single"])
def test_the_figures_are_those_of_the_bundled_model(name: str) -> None:
    from cir.model.encoder import TimbreEncoder

    ours, mfcc = ({one["name"]: one for one in results_of(name)}[row] for row in (BUNDLED, MFCC))
    assert ours["encoder"] == TimbreEncoder.from_pretrained().identity
    assert ours["settings"] == mfcc["settings"]
    assert ours["settings"]["data"] == ["surge", "surge-xt"]
    parts = ("all", "all_with_references") if name == "union_single" else tuple(ours["scores"])
    card = (ROOT / "cir" / "assets" / "model" / "README.md").read_text(encoding="utf-8")
    for part in parts:
        scores, baseline = ours["scores"][part], mfcc["scores"][part]
        columns = (
            f"{scores['candidates']:.0f}",
            both(scores),
            intervals(scores),
            both(baseline),
            both(scores, "chance"),
        )
        for text in (README, card):
            assert f"| {' | '.join(columns)} |" in text


@pytest.mark.parametrize("name", ["table_mixtures", "table_single"])
def test_the_tables_of_the_paper_are_of_the_bundled_model_too(name: str) -> None:
    from cir.model.encoder import TimbreEncoder

    (ours,) = [result for result in results_of(name) if result["name"] == BUNDLED]
    assert ours["encoder"] == TimbreEncoder.from_pretrained().identity
    assert ours["settings"]["data"] == ["surge"]


@pytest.mark.parametrize(("name", "row"), [("table_mixtures", "mean"), ("table_single", "all")])
def test_the_tables_of_the_paper_are_as_they_were_measured(name: str, row: str) -> None:
    for result in results_of(name):
        lines = [line for line in PAGES.splitlines() if line.startswith(f"| {result['name']} |")]
        line = lines[name == "table_mixtures" and len(lines) > 1]
        figures = "not measured" if "missing" in result else both(result["scores"][row])
        assert f"| {figures} |" in line
        if result["paper"] is not None:
            assert f"| {result['paper']['top_1']:.1f} / {result['paper']['top_5']:.1f} |" in line


@pytest.mark.parametrize("name", ["open_set", "conditions"])
def test_what_another_model_reached_is_said_to_be_of_another(name: str) -> None:
    from cir.model.encoder import TimbreEncoder

    headings = {"open_set": "## Does it know", "conditions": "## Beyond the paper"}
    section = RESULTS_PAGE.split(headings[name])[1].split("\n## ")[0]
    (result,) = results_of(name)
    is_ours = result["encoder"] == TimbreEncoder.from_pretrained().identity
    assert ("model before" in " ".join(section.split())) != is_ours


def test_calibration_is_as_it_was_measured() -> None:
    (result,) = results_of("open_set")
    text = " ".join(PAGES.split())
    matches, top_1, top_5 = (result["ece"][name]["value"] for name in ("matches", "top_1", "top_5"))
    assert matches <= 0.05
    worst = result["shown"]["worst"]
    assert abs(worst["gap"]) <= 0.1
    assert (
        f"calibration error of {matches:.3f}, and the worst bin of 50 matches or more by "
        f"{100 * abs(worst['gap']):.1f} points"
    ) in text
    assert f"{top_1:.3f} for the first match and {top_5:.3f} for the first five" in text
    assert f"shown for {100 * result['shown']['share']:.0f} % of the queries" in text
    instrument, family = (result["auroc"][name]["value"] for name in ("instrument", "family"))
    assert f"AUROC {instrument:.2f}" in text and f"AUROC {family:.2f}" in text
    alarms = 100 * result["threshold"]["false_alarm"]
    assert f"{alarms:.0f} % of the instruments that were there" in text


def test_the_conditions_are_as_they_were_measured() -> None:
    (result,) = results_of("conditions")
    found = {
        (group["name"], condition["name"]): both(condition["scores"]["mean"])
        for group in result["groups"]
        for condition in group["conditions"]
    }
    text = " ".join(PAGES.split())
    for key in (
        ("level of the target", "-12"),
        ("level of the target", "+6"),
        ("number of instruments", "2"),
        ("number of instruments", "6"),
        ("setting", "realistic, with effects"),
        ("robustness", "mp3, 48 kbit/s"),
        ("robustness", "Opus, 20 kbit/s"),
    ):
        assert found[key] in text, key


def test_the_recipes_are_as_they_were_measured() -> None:
    rows = json.loads((ROOT / "benchmarks" / "results" / "recipes.json").read_text("utf-8"))
    assert {(row["recipe"], row["seed"]) for row in rows} == {
        (recipe, seed) for recipe in ("ours", "paper") for seed in (0, 1)
    }
    for row in rows:
        line = next(
            line
            for line in PAGES.splitlines()
            if line.startswith(f"| {row['recipe']}, seed {row['seed']} |")
        )
        for protocol, name in (("mixtures", "mean"), ("single", "all")):
            for metric in ("top_1", "top_5"):
                assert f"{100 * row[protocol]['scores'][name][metric]['value']:.1f} [" in line


def test_the_training_speed_is_as_it_was_measured() -> None:
    path = ROOT / "benchmarks" / "results" / "training_speed.json"
    ten, five = (run["speed_up"] for run in json.loads(path.read_text("utf-8"))["runs"])
    text = " ".join(PAGES.split())
    for speed_up, words in (
        (ten, "data path is {:.0f} times as fast, a whole training step {:.1f} times"),
        (five, "with 5 s {:.0f} and {:.1f} times"),
    ):
        assert words.format(speed_up["data_path"], speed_up["whole_step"]) in text


def test_the_worth_of_generated_instruments_is_as_it_was_measured() -> None:
    path = ROOT / "benchmarks" / "results" / "generated.json"
    scores = json.loads(path.read_text("utf-8"))["scores"]
    surge, generated, both = (
        f"{100 * scores[name]['top_1']['value']:.1f} / {100 * scores[name]['top_5']['value']:.1f}"
        for name in ("Surge", "generated", "both")
    )
    assert f"{surge}, {generated} and {both} %" in " ".join(PAGES.split())


def test_what_the_database_finds_is_as_it_was_measured() -> None:
    text = " ".join(PAGES.split())
    (marked,) = [one for one in results_of("table_mixtures") if one["name"].endswith("marked down")]
    assert f"the mean of the mixtures is {both(marked['scores']['mean'])}" in text
    (known,) = results_of("known_by_six_mixtures")
    assert known["settings"]["references"] == 6 and known["settings"]["mixtures"] == 1000
    assert f"is found in {both(known['scores']['mean'])} of 1 000 mixtures" in text


def test_many_clients_wait_as_long_as_it_was_measured() -> None:
    measured = json.loads((RESULTS / "parallel_clients.json").read_text("utf-8"))
    assert (measured["clients"], measured["failures"]) == (20, 0)
    median, worst = (
        measured[name] / measured["alone_seconds"] for name in ("median_seconds", "worst_seconds")
    )
    words = f"in {median:.1f} times what one takes alone, the last in {worst:.1f} times"
    assert words in " ".join(PAGES.split())


def test_the_page_does_what_the_readme_says_other_programs_may_ask() -> None:
    from cir.ui.api.mcp_tools import MCP_TOOLS

    section = SERVING.split("## From other programs")[1].split("\n## ")[0]
    for name in ("/search", "/similar", "/describe", "/instruments", *MCP_TOOLS):
        assert f"`{name}`" in section


def test_the_publishing_command_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from cir.cli.main import app

    section = SERVING.split("## On the Hugging Face Hub")[1]
    command = section.split("```sh\n")[1].split("\n```")[0].split()
    assert command[:2] == ["cir", "publish"]
    monkeypatch.setenv("CIR_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = CliRunner().invoke(app, command[1:])
    assert result.exit_code == 0, result.exception
    assert "Nothing was sent." in result.stdout


def test_searches_do_not_raise_the_memory() -> None:
    measured = json.loads((RESULTS / "app_memory.json").read_text("utf-8"))
    held = {int(count): mib for count, mib in measured["held_mib_after_searches"].items()}
    assert max(held) == 200 and held[200] < 1.02 * held[20]
    assert f"in {held[200] / 1000:.1f} GB of memory, which 200 searches do not raise" in " ".join(
        PAGES.split()
    )


def test_the_longest_mix_takes_as_much_memory_as_it_was_measured() -> None:
    measured = json.loads((RESULTS / "long_file.json").read_text("utf-8"))
    assert measured["file_seconds"] == 600 and set(measured["matches"].values()) == {5}
    added = measured["page_peak_above_idle_mib"]
    assert added < 300 and f"adds {added:.0f} MiB of memory" in " ".join(PAGES.split())
