"""README and docs say what is true: snippets run, commands exist, links lead somewhere."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import soundfile
import typer
from PIL import Image

from tests import test_engines as engine_contract
from tests.documents import (
    LINKED,
    NOTEBOOKS,
    PAGES,
    ROOT,
    anchors,
    commands,
    fences,
    is_as_claimed,
    links,
    prose,
    run_snippets,
    text_of,
    workplace,
)
from tests.test_layout import MODULES

EXTERNAL = frozenset(
    {
        "https://arxiv.org/abs/2509.13285",
        "https://docs.astral.sh/uv/",
        "https://docs.trychroma.com",
        "https://freedoom.github.io",
        "https://surge-synthesizer.github.io",
    }
)
"""Links to elsewhere; nothing asks them here, so look at a new one yourself."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def pages_with(language: str) -> list[Path]:
    return [
        page
        for page in PAGES
        if any(fence.language == language for fence in fences(page.read_text("utf-8")))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_python_snippets_print_what_is_beneath_them(page: Path, tmp_path: Path) -> None:
    with workplace(tmp_path):
        for block, printed, output in run_snippets(page):
            claimed = "" if output is None else output.code
            assert is_as_claimed(printed, claimed), (
                f"{block.code}\nprints\n{printed}\nand not\n{claimed}\n"
                "`make docs` writes it down anew"
            )
    if page.stem == "bring_your_own_synth":
        engine = _engine_of_the_page()
        for rate in (16_000, 44_100):
            engine_contract.test_length_type_and_sound(engine, rate)
            engine_contract.test_exact_silence_before_the_first_note_and_sound_soon_after(
                engine, rate
            )
        engine_contract.test_the_same_notes_give_the_same_sound_whatever_was_played_before(engine)
        engine_contract.test_a_shorter_render_is_the_beginning_of_a_longer_one(engine)
        engine_contract.test_notes_past_the_end_change_nothing(engine)
        engine_contract.test_no_notes_are_silence(engine)


def _engine_of_the_page() -> Any:
    from cir.engines.registry import open_engine

    return open_engine("fm:2,1.5,0.4")  # the page has registered it


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_of_code_are_of_a_kind_that_is_checked(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") == 2 * len(fences(text)) - text.startswith("```")
    kinds = {fence.language for fence in fences(text)}
    assert kinds <= {"python", "py", "sh", "text", "bibtex", ""}
    for fence in fences(text):
        if fence.language == "py":  # asks a page that somebody else serves
            compile(fence.code, page.name, "exec")


@cache
def _command_line() -> Any:
    from cir.cli.main import app

    return typer.main.get_command(app)


def _check_cir(words: list[str]) -> None:
    command, rest = _command_line(), words[1:]
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"no command {' '.join(words)}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {"--help"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    options = {word.split("=")[0] for word in rest if re.match("--?[a-z]", word)}
    assert options <= known, f"no such option: {' '.join(words)}"
    _, superfluous, _ = command.make_parser(click.Context(command)).parse_args(list(rest))
    assert not superfluous, f"too many words: {' '.join(words)}"


@pytest.mark.parametrize("page", [*LINKED, *NOTEBOOKS], ids=name_of)
def test_commands_exist_with_their_options(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for words in commands(text_of(page)):
        line = " ".join(words)
        if words[0] == "cir":
            _check_cir(words)
        elif words[0] == "make":
            goals = {word for word in words[1:] if "=" not in word and re.match("[a-z]", word)}
            assert goals <= targets, line
        else:
            is_module = words[1] == "-m"
            script = ROOT / (words[2].replace(".", "/") + ".py" if is_module else words[1])
            assert script.is_file(), line
            source = script.read_text(encoding="utf-8")
            options = [word.split("=")[0] for word in words[2:] if word.startswith("--")]
            assert all(f'"{option}"' in source for option in options), line


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for line in (
        "cir sing MIX.wav",
        "cir search MIX.wav --loud",
        "cir database add x --colour red",
        "cir database build my-database",
    ):
        with pytest.raises(AssertionError, match=r"no command|no such option|too many words"):
            _check_cir(line.split())


@pytest.mark.parametrize("page", [*LINKED, *NOTEBOOKS], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(text_of(page)):
        if re.match(r"[a-z]+:", link):
            parts = urlsplit(link)
            assert parts.scheme == "https" and re.fullmatch(r"[\w.-]+\.[a-z]+", parts.netloc), link
            assert link in EXTERNAL, f"{link} is new: look at it, and list it in EXTERNAL"
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        assert target.is_relative_to(ROOT), f"{name_of(page)}: {link} leaves the repository"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_no_external_link_is_listed_in_vain() -> None:
    pages = (*LINKED, *NOTEBOOKS)
    assert {link for page in pages for link in links(text_of(page))} >= EXTERNAL


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_in_the_text_are_there(page: Path) -> None:
    tops = "cir|tests|benchmarks|configs|docs|spaces|notebooks"
    for named in re.findall(rf"`((?:{tops})/[\w./-]*)`", prose(page.read_text("utf-8"))):
        assert (ROOT / named).exists(), named


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_of_the_package_are_right(page: Path) -> None:
    for named in re.findall(r"`(cir(?:\.\w+)+)`", prose(page.read_text("utf-8"))):
        module = named
        while module not in MODULES:
            module = module.rpartition(".")[0]
        source = MODULES[module].read_text(encoding="utf-8")
        assert all(part in source for part in named[len(module) + 1 :].split(".")), named


def test_the_story_is_short() -> None:
    with Image.open(ROOT / "docs" / "story.gif") as film:
        seconds = 0.0
        for number in range(getattr(film, "n_frames", 1)):
            film.seek(number)
            seconds += film.info["duration"] / 1000
    assert 10 < seconds <= 20
    assert (ROOT / "docs" / "story.gif").stat().st_size < 3_000_000
    assert 10 < soundfile.info(ROOT / "docs" / "story.mp3").duration <= 20


def test_the_figure_has_the_sizes_of_the_bundled_model() -> None:
    from cir.model.network_config import ConvAstConfig, read_config

    config = read_config(
        (ROOT / "cir" / "assets" / "model" / "config.json").read_text(encoding="utf-8")
    )
    assert isinstance(config, ConvAstConfig)
    figure = (ROOT / "docs" / "how_it_works.svg").read_text(encoding="utf-8")
    words = " ".join(re.sub(r"<[^>]+>", " ", figure).split())
    for claim in (
        f"{config.mixture_seconds:.1f} s",
        f"{config.note_seconds:.1f} s",
        f"{config.bands.n_bands} bands, every {config.bands.hop_samples / 16:.0f} ms",
        f"{len(config.widths)} convolution stages",
        f"{config.n_layers} AST blocks, {config.hidden_size} wide",
        f"{len(config.families)} learned queries",
    ):
        assert claim in words, claim
    header = json.loads((ROOT / "cir/assets/database/database.json").read_text("utf-8"))
    count = sum(1 for _ in (ROOT / "cir/assets/database/instruments.csv").open("rb")) - 1
    assert f"{count:,}".replace(",", " ") in words and str(header["dimension"]) in words
    assert not re.search(r"https?://(?!www\.w3\.org/)", figure)
