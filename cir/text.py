"""Cleaning of text from outside for one line of a table or a page."""

import unicodedata

MAX_LENGTH = 4_096
"""Characters that are kept: more than any name has, fewer than a field of CSV may have."""

_LINE_BREAKERS = frozenset({"Cc", "Zl", "Zp"})
_SURROGATE = "Cs"
_DIRECTIONS = dict.fromkeys(
    map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
)


def one_line(text: str) -> str:
    """Replace control characters and line separators by spaces, and remove lone surrogates."""
    text = text[:MAX_LENGTH]
    return text if text.isprintable() else "".join(map(_on_one_line, text))


def clean(text: str) -> str:
    """Clean a name: `one_line`, plain spaces, no direction marks, composed accents (NFC)."""
    text = one_line(text)
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text.translate(_DIRECTIONS))
        text = "".join(" " if character.isspace() else character for character in text)
    return text.strip()


def _on_one_line(character: str) -> str:
    category = unicodedata.category(character)
    if category == _SURROGATE:
        return ""
    return " " if category in _LINE_BREAKERS else character
