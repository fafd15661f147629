"""Decoding of names whose encoding is unknown."""

import re
import zipfile
from collections.abc import Sequence

from charset_normalizer import from_bytes

_FLAG_UTF8 = 0x800
_SAMPLE_BYTES = 1 << 14
_FIELD_BYTES = 20
_LATIN = ("cp1252", "latin-1")
_DOS = "cp437"
_JAPANESE = "cp932"
_JAPANESE_TEXT = re.compile("[\u3041-\u30ff\u3400-\u9fff\uff66-\uff9f]")


def decode_names(names: Sequence[bytes], *, may_be_dos: bool = False) -> list[str]:
    """Decode the names of one file, which share an encoding: UTF-8, cp1252 or cp932.

    Args:
        names: Names; some may be cut off within their last character.
        may_be_dos: Whether they may be in cp437, the encoding of DOS, as in zip archives.
    """
    encoding = _encoding_of([name for name in names if not name.isascii()], may_be_dos)
    # A character that is cut off is dropped.
    return [name.decode(encoding, "ignore") for name in names]


def names_in_zip(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Decode the names of a zip archive, guessing the encoding of those not marked as UTF-8.

    Backslashes, which some programs of Windows write, become slashes.
    """
    unsure = [entry for entry in entries if not entry.flag_bits & _FLAG_UTF8]
    raw = [entry.filename.encode(_DOS, "replace") for entry in unsure]  # as zipfile decodes them
    found = dict(zip(map(id, unsure), decode_names(raw, may_be_dos=True), strict=True))
    return [found.get(id(entry), entry.filename).replace("\\", "/") for entry in entries]


def _encoding_of(names: Sequence[bytes], may_be_dos: bool) -> str:
    sample = b"\n".join(names)[:_SAMPLE_BYTES]
    if all(map(_is_utf8, names)):
        return "utf-8"
    best = from_bytes(sample, cp_isolation=[_JAPANESE, _LATIN[0]]).best()
    if best is not None and best.encoding == _JAPANESE and _JAPANESE_TEXT.search(str(best)):
        return _JAPANESE
    candidates = [*_LATIN, *([_DOS] if may_be_dos else [])]
    return max(candidates, key=lambda encoding: _letters(sample, encoding))


def _is_utf8(name: bytes) -> bool:
    """Return whether a name is UTF-8, possibly cut off at the end of a sound font's field."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(name) >= _FIELD_BYTES - 1
    return True


def _letters(sample: bytes, encoding: str) -> int:
    """Count the letters beyond ASCII in an encoding; a wrong one gives few."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return -1
    return sum(character.isalpha() for character in text if not character.isascii())
