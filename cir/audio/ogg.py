"""Pages of Ogg files: the streams that they hold, and their serial number."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

from cir.errors import DataError

_HEADER_BYTES = 27
_FLAGS, _N_SEGMENTS = 5, 26
_FIRST_PAGE, _LAST_PAGE = 2, 4
_CODECS = (b"OpusHead", b"\x01vorbis")
_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)


@dataclass(frozen=True)
class OggLayout:
    """The streams of an Ogg file."""

    links: tuple[tuple[int, int], ...] = ()
    """First byte and end of each stream of Opus or Vorbis; joined files have several. Empty if the
    file holds anything else, or is damaged between pages."""
    is_whole: bool = False
    """The file ends with a page that is marked as the last one."""


def read_layout(path: Path) -> OggLayout:
    """Read the headers of all pages; a file of another kind has no links."""
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
    """Set the serial number of an Ogg file to 0; libsndfile writes a random one.

    Raises:
        DataError: The file is not an Ogg stream.
    """
    stream = bytearray(path.read_bytes())
    start = 0
    while start < len(stream):
        page = stream[start : start + _HEADER_BYTES]
        if page[:4] != b"OggS" or len(page) < _HEADER_BYTES:
            raise DataError(f"{path} is not an Ogg stream at byte {start}.")
        n_segments = page[_N_SEGMENTS]
        lacing = stream[start + _HEADER_BYTES : start + _HEADER_BYTES + n_segments]
        end = start + _HEADER_BYTES + n_segments + sum(lacing)
        page = stream[start:end]
        page[_SERIAL] = page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = _checksum(bytes(page))
        stream[start:end] = page
        start = end
    path.write_bytes(stream)


def _checksum(page: bytes) -> bytes:
    """CRC-32 of RFC 3533: that of zlib with the bits of all bytes reversed, and not inverted."""
    inverted = crc32(page.translate(_REVERSED), 0xFFFFFFFF)
    return (inverted ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_REVERSED)


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
