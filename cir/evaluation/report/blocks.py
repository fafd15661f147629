"""Blocks of a report, and their Markdown."""

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cir.evaluation.report.words import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES_FOLDER = "figures"
"""Folder of the charts, beside the page."""


@dataclass(frozen=True)
class Text:
    """Paragraphs, lists and tables."""

    markdown: str


@dataclass(frozen=True)
class Chart:
    """A figure that is drawn when the page is written."""

    name: str
    """Name of its file, without suffix; unique on the page."""
    title: str
    """Alternative text."""
    caption: str
    """Plain text."""
    draw: "Callable[[], Figure]"

    @property
    def path(self) -> str:
        """Path of its file, relative to the page."""
        return f"{FIGURES_FOLDER}/{self.name}.png"


@dataclass(frozen=True)
class Fold:
    """Details that are folded at first."""

    summary: str
    """Plain text."""
    blocks: "tuple[Block, ...]"


Block: TypeAlias = Text | Chart | Fold


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading."""

    title: str
    """Plain text."""
    blocks: tuple[Block, ...]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Return a Markdown table whose columns are aligned in a terminal too.

    Args:
        head: One cell for each column.
        rows: Rows of as many cells; names must be escaped (`words.escape`).
        words: Number of columns, from the left, that hold words and are aligned to the left.
    """
    lines = [head, *rows]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    rule = ["-" * width for width in widths[:words]]
    rule += [f"{'-' * (width - 1)}:" for width in widths[words:]]

    def pad(number: int, cell: str) -> str:
        return cell.ljust(widths[number]) if number < words else cell.rjust(widths[number])

    padded = [" | ".join(pad(*one) for one in enumerate(line)) for line in (head, rule, *rows)]
    return "\n".join(f"| {line} |" for line in padded)


def charts(blocks: Sequence[Block]) -> Iterator[Chart]:
    """Yield all charts in order, also those in folds."""
    for block in blocks:
        if isinstance(block, Chart):
            yield block
        elif isinstance(block, Fold):
            yield from charts(block.blocks)


def to_page_markdown(title: str, sections: Sequence[Section]) -> str:
    """Return a page with charts beside it."""
    parts = [f"# {escape(title)}"]
    for section in sections:
        parts += [f"## {escape(section.title)}", *map(_page_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def to_plain_markdown(sections: Sequence[Section]) -> str:
    """Return text for a terminal: no charts, nothing folded."""
    parts = []
    for section in sections:
        parts += [f"## {escape(section.title)}", *_plain_markdown(section.blocks)]
    return "\n\n".join(parts) + "\n"


def _page_markdown(block: Block) -> str:
    match block:
        case Text():
            return block.markdown
        case Chart():
            return f"![{escape(block.title)}]({block.path})\n\n{escape(block.caption)}"
        case Fold():
            inside = "\n\n".join(map(_page_markdown, block.blocks))
            summary = f"<summary>{html.escape(block.summary)}</summary>"
            return f"<details>\n{summary}\n\n{inside}\n\n</details>"


def _plain_markdown(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Text):
            yield block.markdown
        elif isinstance(block, Fold):
            yield from _plain_markdown(block.blocks)
