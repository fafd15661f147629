"""Pages of Ogg files: what streams they hold, and the serial number of one that is written."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cir.errors import DataError

_HEADER_BYTES = 27
_FLAGS, _N_SEGMENTS = 5, 26
_FIRST_PAGE, _LAST_PAGE = 2, 4
_CODECS = (b"OpusHead", b"\x01vorbis")
_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)
_POLYNOMIAL = 0x04C11DB7


@dataclass(frozen=True)
class OggLayout:
    """How the pages of a file follow each other."""

    links: tuple[tuple[int, int], ...] = ()
    """Where each stream of Opus or Vorbis starts and ends, in bytes: several where files were
    joined. None where there is anything else, or damage between pages."""
    is_whole: bool = False
    """It ends with the page that is marked as the last one."""


def read_layout(path: Path) -> OggLayout:
    """Go through the headers of all pages; a file of another kind has no links."""
    size = path.stat().st_size
    starts: list[int] = []
    serial, is_last, end = b"", False, 0
    with path.open("rb") as file:
        while end + _HEADER_BYTES <= size:
            file.seek(end)
            header = file.read(_HEADER_BYTES)
            lacing = file.read(header[_N_SEGMENTS])
            if header[:4] != b"OggS":
                return OggLayout()
            if header[_FLAGS] & _FIRST_PAGE:
                if not file.read(8).startswith(_CODECS) or (starts and not is_last):
                    return OggLayout()
                starts.append(end)
            elif header[_SERIAL] != serial:
                return OggLayout()
            serial = header[_SERIAL]
            is_last = bool(header[_FLAGS] & _LAST_PAGE)
            end += _HEADER_BYTES + len(lacing) + sum(lacing)
    return OggLayout(tuple(pairwise([*starts, size])), is_last and end == size)


def fix_serial(path: Path) -> None:
    """Give an Ogg file the serial number 0, so that the same sound is the same bytes.

    Raises:
        DataError: the file is no Ogg stream.
    """
    stream = bytearray(path.read_bytes())
    start = 0
    while start < len(stream):
        page = stream[start : start + _HEADER_BYTES]
        if page[:4] != b"OggS" or len(page) < _HEADER_BYTES:
            raise DataError(f"{path} is no Ogg stream at byte {start}.")
        n_segments = page[_N_SEGMENTS]
        lacing = stream[start + _HEADER_BYTES : start + _HEADER_BYTES + n_segments]
        end = start + _HEADER_BYTES + n_segments + sum(lacing)
        page = stream[start:end]
        page[_SERIAL] = page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = _checksum(page).to_bytes(4, "little")
        stream[start:end] = page
        start = end
    path.write_bytes(stream)


def _checksum(page: bytearray) -> int:
    """CRC-32 as RFC 3533 has it: not reflected, from 0."""
    checksum = 0
    for byte in page:
        checksum = (checksum << 8) & 0xFFFFFFFF ^ _TABLE[checksum >> 24 ^ byte]
    return checksum


def _remainder(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = value << 1 ^ (_POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = tuple(_remainder(byte) for byte in range(256))
