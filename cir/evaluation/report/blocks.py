"""What a page is made of, before it is Markdown or HTML."""

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from cir.evaluation.report.words import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Where the pictures lie, beside the page.
FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class Text:
    """Paragraphs, lists and tables."""

    markdown: str


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn when the page is written."""

    name: str
    """Of its file, without suffix; unique on the page."""
    title: str
    """For those who cannot see it."""
    caption: str
    """Plain text."""
    draw: "Callable[[], Figure]"

    @property
    def path(self) -> str:
        """Of its file, seen from the page."""
        return f"{FIGURES_FOLDER}/{self.name}.png"


@dataclass(frozen=True)
class Fold:
    """Details that are closed at first."""

    summary: str
    """Plain text."""
    blocks: "tuple[Block, ...]"


Block: TypeAlias = Text | Picture | Fold


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own."""

    title: str
    """Plain text."""
    blocks: tuple[Block, ...]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Lay out a Markdown table, its columns aligned for a terminal too.

    Args:
        head: One cell a column.
        rows: As many cells in each; names must be escaped (`words.escape`).
        words: How many columns, from the left, are words; the others are numbers, on the right.
    """
    lines = [head, *rows]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    rule = ["-" * width for width in widths[:words]]
    rule += [f"{'-' * (width - 1)}:" for width in widths[words:]]

    def pad(number: int, cell: str) -> str:
        return cell.ljust(widths[number]) if number < words else cell.rjust(widths[number])

    padded = [" | ".join(pad(*one) for one in enumerate(line)) for line in (head, rule, *rows)]
    return "\n".join(f"| {line} |" for line in padded)


def pictures(blocks: Sequence[Block]) -> Iterator[Picture]:
    """Find all pictures, those in folds too, from the top down."""
    for block in blocks:
        if isinstance(block, Picture):
            yield block
        elif isinstance(block, Fold):
            yield from pictures(block.blocks)


def to_page_markdown(title: str, sections: Sequence[Section]) -> str:
    """Write a page with pictures beside it, for GitHub and editors."""
    parts = [f"# {escape(title)}"]
    for section in sections:
        parts += [f"## {escape(section.title)}", *map(_page_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def to_plain_markdown(sections: Sequence[Section]) -> str:
    """Write text alone, for a terminal: no pictures, and nothing is folded."""
    parts = []
    for section in sections:
        parts += [f"## {escape(section.title)}", *_plain_markdown(section.blocks)]
    return "\n\n".join(parts) + "\n"


def _page_markdown(block: Block) -> str:
    match block:
        case Text():
            return block.markdown
        case Picture():
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
