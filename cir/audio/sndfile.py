"""Ogg files decoded by libsndfile, which keeps the original sample rate of Opus."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile as sf

from cir.audio.ogg import OggLayout
from cir.audio.sources import SampleBlock, Source

_BLOCK_VALUES = 1 << 19


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
