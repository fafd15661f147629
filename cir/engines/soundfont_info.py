"""Names of the presets of a sound font, and its credits."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cir.instruments.foreign_names import decode_names
from cir.text import clean

_MAX_LIST_BYTES = 4 << 20
_PRESET = struct.Struct("<20sHH14x")
_CREDITS = (b"IENG", b"ICOP")


@dataclass(frozen=True)
class SoundFontInfo:
    """Texts of a sound font, decoded together: the file does not say in which encoding."""

    names: dict[tuple[int, int], str]
    """Of presets, by bank and program."""
    author: str
    licence: str


def read_info(path: Path) -> SoundFontInfo:
    """Read the texts of the lists INFO and pdta.

    Source: SoundFont 2.04 specification, sections 5 and 7.2. Whatever is malformed ends its list; a
    file without any gives no texts.
    """
    with path.open("rb") as file:
        lists = dict(_lists(file))
    rows = list(_presets(_chunks(lists.get(b"pdta", b"")).get(b"phdr", b"")))
    presets = dict(reversed(rows))  # of two with one number, the first is played
    credits = _chunks(lists.get(b"INFO", b""))
    raw = [*presets.values(), *(credits.get(name, b"").split(b"\0")[0] for name in _CREDITS)]
    *names, author, licence = map(clean, decode_names(raw))
    return SoundFontInfo(dict(zip(presets, names, strict=True)), author, licence)


def _lists(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of each list of a font except its samples."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        return
    while len(head := file.read(12)) == 12:
        size, kind = struct.unpack("<4xI4s", head)
        following = file.tell() + size - 4 + size % 2
        if head[:4] == b"LIST" and kind != b"sdta" and size >= 4:
            yield kind, file.read(min(size - 4, _MAX_LIST_BYTES))
        file.seek(following)


def _chunks(body: bytes) -> dict[bytes, bytes]:
    chunks: dict[bytes, bytes] = {}
    position = 0
    while position + 8 <= len(body):
        name, length = struct.unpack_from("<4sI", body, position)
        chunks[name] = body[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    return chunks


def _presets(table: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield number and name of each preset; the last row only ends the table."""
    whole = table[: len(table) // _PRESET.size * _PRESET.size]
    for name, program, bank in list(_PRESET.iter_unpack(whole))[:-1]:
        yield (bank, program), name.split(b"\0")[0]
