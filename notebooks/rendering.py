"""Renders a notebook that has run as one HTML page that loads nothing from other hosts."""

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

_STYLES = Path(__file__).with_name("page.css")
_REPOSITORY_FOLDER = "../../notebooks"

# Code between backticks or fences may contain dollar signs.
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$([^$\n]+?)\$(?![\w$])")


def render_page(notebook: Any, name: str, names: Sequence[str]) -> str:
    """Render a notebook with its outputs.

    Args:
        notebook: Of nbformat, with outputs; its Markdown cells are changed in place.
        name: Such as `01_hear_timbre`.
        names: Of all notebooks, in order, for the links at the top.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = formulas_to_mathml(cell.source)
    exporter = HTMLExporter(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(notebook)
    links = "".join(_link(other, name) for other in names)
    styles = _STYLES.read_text(encoding="utf-8") + _code_styles()
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(read_title(notebook))}</title>
<style>
{styles}</style>
</head>
<body>
<nav aria-label="Notebooks">{links}</nav>
<main>
{body}
</main>
<footer>
<p>Made by <code>python -m notebooks.build {name}</code> from
<a href="{_REPOSITORY_FOLDER}/{name}.py">{name}.py</a>; to run it yourself, open
<a href="{_REPOSITORY_FOLDER}/{name}.ipynb">{name}.ipynb</a> in Jupyter.</p>
</footer>
</body>
</html>
"""


def read_title(notebook: Any) -> str:
    """Return the first heading of a notebook."""
    found = re.search(r"^# (.+)$", "\n".join(c.source for c in notebook.cells), re.MULTILINE)
    return found[1].strip() if found else "Notebook"


def formulas_to_mathml(text: str) -> str:
    """Replace `$...$` and `$$...$$` in Markdown by MathML, which browsers render."""
    parts = _CODE.split(text)
    for number in range(0, len(parts), 2):
        parts[number] = _DISPLAYED.sub(_displayed, parts[number])
        parts[number] = _INLINE.sub(lambda found: convert(found[1]), parts[number])
    return "".join(parts)


def _displayed(found: re.Match[str]) -> str:
    formula = convert(" ".join(found[1].split()), display="block")
    return f"\n\n<div>{formula}</div>\n\n"


def _link(name: str, here: str) -> str:
    number, _, words = name.partition("_")
    current = ' aria-current="page"' if name == here else ""
    label = html.escape(f"{int(number)} {words.replace('_', ' ')}")
    return f'<a href="{name}.html"{current}>{label}</a>'


def _code_styles() -> str:
    light = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
