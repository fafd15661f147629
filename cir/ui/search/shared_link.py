"""Query parameters of the page's address: `?example=3&families=bass,piano&top_k=5&tab=search`.

`static/address.js` writes them, opens the tab, and sends the others when the page opens.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cir.ui.search.examples import Example
from cir.ui.service import MAX_TOP_K


@dataclass(frozen=True)
class SharedSearch:
    """The form as an address describes it; None for what is missing or invalid."""

    example: int
    """Index of the example."""
    families: list[str] | None = None
    top_k: int | None = None
    bank: str | None = None
    source: str | None = None


def read_link(
    query: Mapping[str, object],
    examples: Sequence[Example],
    families: Collection[str],
    banks: Collection[str],
    sources: Collection[str],
) -> SharedSearch | None:
    """Read the parameters of an address.

    Args:
        query: Parameters by name.
        examples: Examples of the page.
        families: Slugs that can be chosen.
        banks: Banks that can be chosen.
        sources: Sources that can be chosen.

    Returns:
        None without a valid example.
    """
    text = {name: str(value) for name, value in query.items()}
    number = _whole(text.get("example", ""), len(examples))
    if number is None:
        return None
    named = [one for one in text.get("families", "").split(",") if one in families]
    return SharedSearch(
        example=number - 1,
        families=list(dict.fromkeys(named)) or list(examples[number - 1].families),
        top_k=_whole(text.get("top_k", ""), MAX_TOP_K),
        bank=text["bank"] if text.get("bank") in banks else None,
        source=text["source"] if text.get("source") in sources else None,
    )


def _whole(text: str, most: int) -> int | None:
    """Read an integer from 1 to `most`; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= most else None
