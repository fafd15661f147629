"""Each notebook runs whole from a fresh clone, teaches, and is kept without outputs."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cir.errors import DataError, InputError
from notebooks.build import list_notebooks, main, pair_text, read_notebook, run_notebook
from notebooks.rendering import formulas_to_mathml, render_page
from tests.documents import markdown_of

SOURCES = list_notebooks()
EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)

_SOLUTION = re.compile(r"<details>.*?</details>", re.DOTALL)
_FENCED = re.compile(r"```python\n(.*?)```", re.DOTALL)


def solutions_of(notebook: Any) -> list[str]:
    return [
        code
        for solution in _SOLUTION.findall(markdown_of(notebook))
        for code in _FENCED.findall(solution)
    ]


def code_of(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.notebook
@EACH
def test_it_runs_whole_with_the_solutions(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_FAST", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "soundfont:" in source.read_text(encoding="utf-8"):
        pytest.importorskip("tinysoundfont", reason="tinysoundfont is not installed")
    notebook = read_notebook(source)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions_of(notebook)]
    run_notebook(notebook, source.stem, show_progress=False)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@EACH
def test_the_ipynb_is_of_the_py_and_has_no_outputs(source: Path) -> None:
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert text == pair_text(source), "run `python -m notebooks.build --pair`"
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@EACH
def test_it_teaches(source: Path) -> None:
    notebook = read_notebook(source)
    first, prose = notebook.cells[0], markdown_of(notebook)
    assert first.source.startswith("# ")
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1 + len(_comments(prose))
    assert "## What you will learn" in prose
    exercises = prose.partition("## Exercises")[2]
    assert exercises.count("<summary>Solution</summary>") >= 2
    assert len(_SOLUTION.findall(exercises)) == exercises.count("<details>")


@EACH
def test_it_uses_only_what_is_public(source: Path) -> None:
    notebook = read_notebook(source)
    private = [
        name
        for code in code_of(notebook) + solutions_of(notebook)
        for name in names_used(code)
        if name.startswith("_") and not name.endswith("__") and name != "_"
    ]
    assert not private


@EACH
def test_every_plot_has_words_for_those_who_do_not_see_it(source: Path) -> None:
    for cell in read_notebook(source).cells:
        if cell.cell_type == "code" and re.search(r"plt\.show\(\)|display\(figure", cell.source):
            assert cell.metadata.get("alt"), cell.source


@pytest.mark.slow
def test_a_failing_cell_is_named() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    with pytest.raises(DataError, match=r"(?s)The notebook broken fails.*ZeroDivisionError"):
        run_notebook(notebook, "broken", show_progress=False)


def test_an_unknown_notebook_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="no notebook '99_nothing'"):
        list_notebooks(["99_nothing"])
    assert main(["99_nothing"]) == 2
    assert "there are 01_hear_timbre" in capsys.readouterr().err


def test_pages_ask_no_other_host_and_keep_their_words() -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Waves & <pairs>\n\nThe loss $L_{t}$ of `a$b$c`."),
        nbformat.v4.new_code_cell("print(1)"),
    ]
    cells[1].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    page = render_page(nbformat.v4.new_notebook(cells=cells), "02_b", ["01_a", "02_b"])
    assert "<title>Waves &amp; &lt;pairs&gt;</title>" in page
    assert "<math" in page and "a$b$c" in page
    assert '<a href="01_a.html">1 a</a>' in page
    assert 'href="02_b.html" aria-current="page"' in page
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page) == []


def test_formulas_become_mathml_but_not_within_code() -> None:
    text = "$$\n\\frac{a}{b}\n$$\n\nand $x$\n\n```python\nprint('$x$')\n```\n"
    changed = formulas_to_mathml(text)
    assert changed.count("<math") == 2
    assert 'display="block"' in changed and "<mfrac>" in changed
    assert "print('$x$')" in changed


def names_used(code: str) -> Iterator[str]:
    """Attributes and names of modules; magics are none."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in code.splitlines()]
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (part for part in str(node.module).split("."))
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in alias.name.split("."))


def _comments(prose: str) -> list[str]:
    """Lines of code in Markdown that begin like a title."""
    blocks = re.findall(r"```\w*\n(.*?)```", prose, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("# ")]
