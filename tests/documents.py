"""What the Markdown pages of this repository hold: snippets with what they print, and links.

`python -m tests.documents` (`make docs`) writes the pages anew: first the generated blocks, then
what each Python snippet prints.
"""

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cir.index.database import InstrumentDatabase
from notebooks.build import list_notebooks, read_notebook
from tests.dataset_cases import write_nsynth
from tests.fakes import SpectrumEncoder, instrument
from tests.tone_bank import FAMILIES, write_bank
from tools.blocks import CARD, run_cog

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
"""Written by hand, their snippets are executed."""
LINKED = (
    *PAGES,
    *sorted((ROOT / "docs").glob("*/*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
    CARD,
    ROOT / "spaces" / "README.md",
)

NOTEBOOKS = tuple(list_notebooks())

ELLIPSIS = "...\n"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source|a)\s[^>]*(?:src|srcset|href)=\"([^\"]+)\""
)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Fence:
    """A block of code between fences."""

    language: str
    code: str
    span: tuple[int, int]
    """Where its code stands in the text."""


def text_of(page: Path) -> str:
    """The Markdown of a page, or of a notebook's cells."""
    if page.suffix != ".py":
        return page.read_text(encoding="utf-8")
    return markdown_of(read_notebook(page))


def markdown_of(notebook: Any) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def fences(text: str) -> list[Fence]:
    return [Fence(found[1], found[2], found.span(2)) for found in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    without_code = _CODE.sub("", prose(text))
    return [found[1] or found[2] for found in _LINK.finditer(without_code)]


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in words}


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of a page: in blocks of `sh`, and between backticks within a sentence."""
    lines = [
        line
        for fence in fences(text)
        if fence.language == "sh"
        for line in fence.code.replace("\\\n", " ").splitlines()
    ]
    lines += [" ".join(code.split()) for code in _CODE.findall(" ".join(prose(text).split("\n")))]
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # half a quotation: no command line
            continue
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words[:3] == ["python", "-m", "cir"]:
            words = words[2:]
        if len(words) > 1 and words[0] in ("cir", "make", "python"):
            yield words


@contextlib.contextmanager
def workplace(folder: Path) -> Iterator[None]:
    """Work in a folder where the snippets find what they name, without touching the repository.

    `configs/cir-tiny.yaml` is a run of a few steps there, on a bank of tones, `nsynth-test` has
    fifteen instruments, and `own` is a database of one.
    """
    (folder / "cir").symlink_to(ROOT / "cir")
    (folder / "configs").mkdir()
    values = {
        "data": [f"bank:{write_bank(folder / 'tones')}"],
        "encoder": {
            "widths": [4, 8],
            "time_stride": 4,
            "n_layers": 1,
            "n_heads": 2,
            "embedding_size": 16,
            "note_frames": 32,
            "mixture_frames": 64,
            "families": list(FAMILIES),
        },
        "notes": {"examples": 24},
        "mixtures": {
            "examples": 8,
            "n_mixtures": 4,
            "n_validation_mixtures": 2,
            "n_counted_batches": 1,
            "n_fitted_mixtures": 12,
        },
    }
    (folder / "configs" / "cir-tiny.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    write_nsynth(folder / "nsynth-test")
    library = InstrumentDatabase.create(folder / "own", SpectrumEncoder())
    library.add([instrument("kick")], np.ones((1, library.dimension)))
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run_snippets(page: Path) -> Iterator[tuple[Fence, str, Fence | None]]:
    """Execute the Python of a page, top down, in one namespace.

    Gives each block, what it printed, and the block of `text` behind it, if there is one.
    """
    blocks = fences(page.read_text(encoding="utf-8"))
    namespace: dict[str, object] = {"__name__": page.stem}
    for number, block in enumerate(blocks):
        if block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.code, page.name, "exec"), namespace)
            behind = blocks[number + 1] if number + 1 < len(blocks) else None
            is_output = behind is not None and behind.language == "text"
            yield block, printed.getvalue(), behind if is_output else None


def is_as_claimed(printed: str, claimed: str) -> bool:
    """Whether a block of `text` says what was printed; after `...` its end is enough."""
    if claimed.startswith(ELLIPSIS):
        return printed.endswith("\n" + claimed.removeprefix(ELLIPSIS))
    return printed == claimed


def _write_outputs(page: Path, say: Callable[[str], None] = print) -> None:
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, workplace(Path(folder)):
        results = list(run_snippets(page))
    for _, printed, output in reversed(results):
        if output is not None and not is_as_claimed(printed, output.code):
            text = text[: output.span[0]] + printed + text[output.span[1] :]
    page.write_text(text, encoding="utf-8")
    say(f"{page.relative_to(ROOT)}: {len(results)} snippets")


if __name__ == "__main__":
    run_cog("-r")
    for one in PAGES:
        _write_outputs(one)
