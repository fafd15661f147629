"""The serial number of an Ogg stream, which libsndfile draws anew each time it writes one."""

from pathlib import Path

from cir.errors import DataError

_HEADER_BYTES = 27
_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)
_POLYNOMIAL = 0x04C11DB7


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
        n_segments = page[26]
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
