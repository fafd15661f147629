"""The README and the pages of docs say what was measured and what can be asked."""

from pathlib import Path

import pytest

from tools import blocks

ROOT = blocks.ROOT
SERVING = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def test_generated_blocks_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert blocks.run_cog("--check", "--diff") == 0, (
        f"{capsys.readouterr().out}\n`make docs` writes the blocks anew"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("union_mixtures", ["surge", "surge-xt"]),
        ("union_single", ["surge", "surge-xt"]),
        ("table_mixtures", ["surge"]),
        ("table_single", ["surge"]),
    ],
)
def test_the_tables_are_of_the_bundled_model(name: str, data: list[str]) -> None:
    from cir.model.encoder import TimbreEncoder

    ours = blocks.rows_of(name)[blocks.BUNDLED]
    identity = TimbreEncoder.from_pretrained().identity
    assert ours["encoder"] == identity == blocks.BUNDLED_IDENTITY
    assert ours["settings"]["data"] == data
    if name.startswith("union"):
        assert ours["settings"] == blocks.rows_of(name)[blocks.MFCC]["settings"]


def test_what_was_measured_is_whole_and_good_enough() -> None:
    open_set = blocks.only_row("open_set")
    assert open_set["ece"]["matches"]["value"] <= 0.05
    # Chances promise too little rather than too much: 12.5 points at most, in bins of 50 matches.
    assert -0.15 <= open_set["shown"]["worst"]["gap"] <= 0.1
    settings = blocks.only_row("known_by_six_mixtures")["settings"]
    assert (settings["references"], settings["mixtures"]) == (6, 1000)
    clients = blocks.read_measured("parallel_clients")
    assert (clients["clients"], clients["failures"]) == (50, 0)
    memory = blocks.read_measured("app_memory")["held_mib_after_searches"]
    assert memory["300"] < 1.02 * memory["30"]  # searches do not raise the memory
    longest = blocks.read_measured("long_file")
    assert longest["file_seconds"] == 600 and set(longest["matches"].values()) == {5}
    assert longest["page_peak_above_idle_mib"] < 300
    assert {(row["recipe"], row["seed"]) for row in blocks.read_measured("recipes")} == {
        (recipe, seed) for recipe in ("ours", "paper") for seed in (0, 1)
    }


def test_the_page_does_what_the_readme_says_other_programs_may_ask() -> None:
    from cir.ui.api.mcp_tools import MCP_TOOLS

    section = SERVING.split("## From other programs")[1].split("\n## ")[0]
    for name in ("/search", "/similar", "/describe", "/instruments", *MCP_TOOLS):
        assert f"`{name}`" in section


@pytest.mark.slow
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
