"""The page as one file: style and pictures inside, nothing to load, no scripts."""

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from markdown_it import MarkdownIt

from cir.evaluation.report.blocks import Block, Fold, Picture, Section, Text
from cir.evaluation.report.charts.canvas import DOTS_PER_INCH
from cir.evaluation.report.words import slug

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<nav aria-label="Contents">
{contents}
</nav>
{sections}
</main>
</body>
</html>
"""

#: On the page: one size of letters, whatever the size of the picture.
_PIXELS_PER_INCH = 100

#: An interval at the end of a cell: smaller than its figure.
_INTERVAL = re.compile(r" (\[[-\d., ]+\])</td>")


def to_html(title: str, sections: Sequence[Section], pngs: Mapping[str, bytes]) -> str:
    """Write the page.

    Args:
        title: Plain text.
        sections: From the top down.
        pngs: The pictures by name.
    """
    # Raw HTML stays text: names may come from anywhere.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def render(block: Block) -> str:
        match block:
            case Text():
                return _polish(markdown.render(block.markdown))
            case Picture():
                return _figure(block, pngs[block.name])
            case Fold():
                inside = "".join(map(render, block.blocks))
                summary = f"<summary>{escape(block.summary)}</summary>"
                return f"<details>\n{summary}\n{inside}</details>\n"

    anchors = [f"{slug(section.title)}-{number}" for number, section in enumerate(sections, 1)]
    contents = "\n".join(
        f'<a href="#{anchor}">{escape(section.title)}</a>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    written = "".join(
        f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n'
        f"{''.join(map(render, section.blocks))}</section>\n"
        for anchor, section in zip(anchors, sections, strict=True)
    )
    style = (files("cir.evaluation.report") / "page.css").read_text(encoding="utf-8")
    return _PAGE.format(title=escape(title), style=style, contents=contents, sections=written)


def _polish(rendered: str) -> str:
    """Let wide tables scroll on their own, and intervals step back."""
    rendered = rendered.replace("<table>", '<div class="scroll"><table>')
    rendered = rendered.replace("</table>", "</table></div>")
    return _INTERVAL.sub(r' <span class="interval">\1</span></td>', rendered)


def _figure(picture: Picture, png: bytes) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    width = round(int.from_bytes(png[16:20]) * _PIXELS_PER_INCH / DOTS_PER_INCH)
    return (
        f'<figure>\n<img src="{source}" width="{width}" alt="{escape(picture.title)}">\n'
        f"<figcaption>{escape(picture.caption)}</figcaption>\n</figure>\n"
    )
