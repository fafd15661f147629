"""Names that were written in an encoding that their file does not tell."""

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
    """Decode names that came together, and so in one encoding: UTF-8, cp1252 or cp932.

    Short names say little by themselves; together they show what they are written in.

    Args:
        names: of one file; some may be cut off within their last character.
        may_be_dos: whether they may be in the encoding of DOS, cp437, as those in zip archives.
    """
    encoding = _encoding_of([name for name in names if not name.isascii()], may_be_dos)
    # A character that is cut off says nothing; there are none in one byte.
    return [name.decode(encoding, "ignore") for name in names]


def names_in_zip(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Decode the names of a zip archive; where they do not say that they are UTF-8, by their looks.

    Back-slashes, which some programs of Windows write, are slashes.
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
    """Whether a name is UTF-8, if need be cut off at the end of a sound font's field."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(name) >= _FIELD_BYTES - 1
    return True


def _letters(sample: bytes, encoding: str) -> int:
    """How many characters beyond ASCII are letters in an encoding; few in a wrong one."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return -1
    return sum(character.isalpha() for character in text if not character.isascii())
