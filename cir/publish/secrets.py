"""No token goes to the Hub inside of a file."""

import re
from pathlib import Path

from cir.errors import InputError

_TOKEN = re.compile(rb"\b(?:hf|api_org)_[A-Za-z0-9]{30,}\b")
"""What tokens of the Hub look like."""


def refuse_secrets(folder: Path, token: str | None = None) -> None:
    """Make sure that no file holds a token of the Hub.

    Args:
        folder: with all that is below it.
        token: one that must not be in there whatever it looks like.

    Raises:
        InputError: one does; the token itself is not repeated.
    """
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if _TOKEN.search(content) or (token and token.encode() in content):
            raise InputError(
                f"{path.relative_to(folder)} holds what looks like a token of the Hub: take it out "
                "(and revoke it, if it was ever shared); nothing was sent."
            )
