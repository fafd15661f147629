"""Refusing to upload files that hold a token of the Hub."""

import re
from pathlib import Path

from cir.errors import InputError

_TOKEN = re.compile(rb"\b(?:hf|api_org)_[A-Za-z0-9]{30,}\b")
"""Pattern of tokens of the Hub."""


def refuse_secrets(folder: Path, token: str | None = None) -> None:
    """Check that no file holds a token of the Hub.

    Args:
        folder: Folder that is searched recursively.
        token: A token to search for besides the pattern.

    Raises:
        InputError: A file holds a token; the message does not repeat it.
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
