"""Text that strangers wrote, made fit for one line of a table or a page."""

import unicodedata

MAX_LENGTH = 4_096
"""Characters that are kept: far more than any name has, far less than a table's field may have."""

_LINE_BREAKERS = frozenset({"Cc", "Zl", "Zp"})
_SURROGATE = "Cs"
_DIRECTIONS = dict.fromkeys(
    map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
)


def one_line(text: str) -> str:
    """Return text that can be encoded and kept in a table, else unchanged.

    Control characters and line separators become blanks, halves of surrogate pairs go.
    """
    text = text[:MAX_LENGTH]
    return text if text.isprintable() else "".join(map(_on_one_line, text))


def clean(text: str) -> str:
    """Return a name as people read it: `one_line`, and without what they cannot see.

    Blanks of all kinds become plain ones and those around the text go, and so do marks that turn
    the direction of what follows. Accents that are characters of their own join their letters.
    """
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
