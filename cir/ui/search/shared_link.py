"""What the page's own address asks for: `?example=3&families=bass,piano&top_k=5&tab=search`.

`static/address.js` writes it and hands it over when the page opens; the tab is its own affair.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cir.ui.search.examples import Example
from cir.ui.service import MAX_TOP_K


@dataclass(frozen=True)
class Wishes:
    """A form as an address describes it; None where it says nothing that makes sense."""

    example: int
    """From 0."""
    families: list[str] | None = None
    top_k: int | None = None
    bank: str | None = None
    source: str | None = None


def read_wishes(
    query: Mapping[str, object],
    examples: Sequence[Example],
    families: Collection[str],
    banks: Collection[str],
    sources: Collection[str],
) -> Wishes | None:
    """Read an address that somebody shared, or typed.

    Args:
        query: its parameters.
        examples: the page's examples.
        families: slugs that can be chosen; likewise `banks` and `sources`.
        banks: as above.
        sources: as above.

    Returns:
        None where it names no example that this page has.
    """
    text = {name: str(value) for name, value in query.items()}
    number = _whole(text.get("example", ""), len(examples))
    if number is None:
        return None
    named = [one for one in text.get("families", "").split(",") if one in families]
    return Wishes(
        example=number - 1,
        families=list(dict.fromkeys(named)) or list(examples[number - 1].families),
        top_k=_whole(text.get("top_k", ""), MAX_TOP_K),
        bank=text["bank"] if text.get("bank") in banks else None,
        source=text["source"] if text.get("source") in sources else None,
    )


def _whole(text: str, most: int) -> int | None:
    """Read a whole number from 1 to `most`; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= most else None
