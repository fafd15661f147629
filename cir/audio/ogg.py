"""Ogg files: their pages, and their decoding by libsndfile, which keeps the rate of Opus."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import soundfile as sf

from cir.audio.decode import SampleBlock, Source

_HEADER_BYTES = 27
_FLAGS, _N_SEGMENTS = 5, 26
_FIRST_PAGE, _LAST_PAGE = 2, 4
_CODECS = (b"OpusHead", b"\x01vorbis")
_SERIAL = slice(14, 18)

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

_BLOCK_VALUES = 1 << 19


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


def checksum(page: bytes) -> int:
    """CRC-32 of RFC 3533: that of zlib with the bits of all bytes reversed, and not inverted."""
    inverted = crc32(page.translate(_REVERSED), 0xFFFFFFFF)
    return int.from_bytes((inverted ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_REVERSED), "little")


@contextmanager
def open_ogg(file: Path, layout: OggLayout) -> Iterator[Source]:
    """Open an Ogg file of one or more successive streams of Opus or Vorbis.

    Raises:
        soundfile.LibsndfileError: The file is damaged.
    """
    with file.open("rb") as opened:
        yield _OggSource(opened, layout)


class _OggSource(Source):
    def __init__(self, file: io.BufferedReader, layout: OggLayout) -> None:
        self._file = file
        self._links = layout.links
        self.is_cut = not layout.is_whole
        with self._open(*self._links[0]) as sound:
            self.sample_rate, self.channels = sound.samplerate, sound.channels
            self.seconds = sound.frames / sound.samplerate if len(self._links) == 1 else None

    def blocks(self) -> Iterator[SampleBlock]:
        for link in self._links:
            with self._open(*link) as sound:
                frames = _BLOCK_VALUES // max(2, sound.channels)
                while len(samples := sound.read(frames, dtype="float32", always_2d=True)):
                    yield SampleBlock(samples, sound.samplerate)

    def _open(self, start: int, end: int) -> sf.SoundFile:
        return sf.SoundFile(_Part(self._file, start, end))


class _Part:
    """A range of bytes of a file, as a file."""

    def __init__(self, file: io.BufferedReader, start: int, end: int) -> None:
        self._file = file
        self._start, self._end = start, end
        self.seek(0)

    def read(self, n_bytes: int) -> bytes:
        return self._file.read(max(0, min(n_bytes, self._end - self._file.tell())))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._end}
        return self._file.seek(base[whence] + offset) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start
