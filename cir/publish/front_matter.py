"""The front matter of a card: YAML that the Hub reads."""

import re
from typing import Any

import yaml

from cir.errors import InputError

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def with_values(card: str, values: dict[str, Any]) -> str:
    """Set keys of a card's front matter, and keep other keys and the text.

    Raises:
        InputError: The card has no front matter, or it is not YAML.
    """
    found = _FRONT_MATTER.match(card)
    try:
        header = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        header = None
    if found is None or not isinstance(header, dict):
        raise InputError("The card must begin with YAML between two lines of ---; add it.")
    return write_front_matter({**header, **values}) + card[found.end() :]


def write_front_matter(header: dict[str, Any]) -> str:
    """Write a front matter, keys in the order given."""
    text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---\n"
