"""The README says what is true: its snippet runs, its tree and its figures exist."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_snippet_runs_and_prints_the_shapes_it_claims(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(snippet, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    claimed = re.findall(r"^print\(.*\)\s+# (.+)$", snippet, re.MULTILINE)
    assert len(claimed) == 3
    assert printed[-len(claimed) :] == claimed
    assert len(printed) == 10 + len(claimed)  # five matches of each of two families


def test_the_file_tree_names_what_is_there() -> None:
    tree = README.split("## What is where")[1].split("```")[1]
    inside = False
    for line in tree.strip().splitlines():
        names = [name for name in line[:26].split() if "." in name or "/" in name]
        inside = line.startswith(" ") and inside
        for name in names:
            assert (ROOT / "cir" / name if inside else ROOT / name).exists(), name
        inside = inside or names == ["cir/"]


@pytest.mark.parametrize("name", ["mixtures", "single"])
def test_the_figures_are_those_of_the_bundled_model(name: str) -> None:
    from cir.model.encoder import TimbreEncoder

    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    ours = json.loads(path.read_text(encoding="utf-8"))["results"][0]
    assert ours["encoder"] == TimbreEncoder.from_pretrained().identity
    row = ours["scores"][ours["primary"]["name"].split()[0]]
    headline = f"{100 * row['top_1']['value']:.1f} / {100 * row['top_5']['value']:.1f}"
    assert headline in README
    card = (ROOT / "cir" / "assets" / "model" / "README.md").read_text(encoding="utf-8")
    assert headline in card


def test_the_recipes_are_as_they_were_measured() -> None:
    rows = json.loads((ROOT / "benchmarks" / "results" / "recipes.json").read_text("utf-8"))
    assert {(row["recipe"], row["seed"]) for row in rows} == {
        (recipe, seed) for recipe in ("ours", "paper") for seed in (0, 1)
    }
    for row in rows:
        line = next(
            line
            for line in README.splitlines()
            if line.startswith(f"| {row['recipe']}, seed {row['seed']} |")
        )
        for protocol, name in (("mixtures", "mean"), ("single", "all")):
            for metric in ("top_1", "top_5"):
                assert f"{100 * row[protocol]['scores'][name][metric]['value']:.1f} [" in line


def test_the_training_speed_is_as_it_was_measured() -> None:
    path = ROOT / "benchmarks" / "results" / "training_speed.json"
    ten, five = (run["speed_up"] for run in json.loads(path.read_text("utf-8"))["runs"])
    text = " ".join(README.split())
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
    assert f"{surge}, {generated} and {both} %" in " ".join(README.split())
