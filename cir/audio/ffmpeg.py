"""Sound files decoded by FFmpeg's libraries, which come with the package `av`."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags2
from av.container import InputContainer

from cir.audio.decode import SampleBlock, Source
from cir.types import FloatArray

DECODING_ERRORS = (av.FFmpegError, ValueError, IndexError, OverflowError)
"""Errors that damaged files raise."""

_DEMUXERS = "aac,ac3,aiff,amr,ape,asf,au,caf,flac,matroska,mov,mp3,ogg,tta,w64,wav,wv"
"""The only formats that are opened: playlists and the like would open other files."""

_LENGTH_IS_ESTIMATED = {"aac", "ac3", "amr"}
_PCM_PROBE_BYTES = str(1 << 15)
"""Bytes of a PCM file from which FFmpeg tells its codec: enough to find DTS in disguise; by default
it decodes five seconds, which takes longer than reading the file."""
_PCM_TAGS = (1, 3, 0xFFFE)
"""Integers, floats, and either with more channels or bits."""
_UNWRITTEN = 0x7FFF_0000
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_MOST_CHUNKS = 1_000
_MOST_FAILURES = 1_000
"""Successive packets that fail before decoding is given up."""
_UNSAID_DELAY = {"mp3": 1_105, "aac": 1_024}
"""Samples that usual encoders and all decoders insert before the sound if no header tells."""
_MP3_JOINT_PACKETS = 2
"""Packets lost at a joint of MP3 files, because they refer to data that was cut away."""
_XING = re.compile(rb"(?:Xing|Info)\0\0\0[\x01\x03\x05\x07\x09\x0b\x0d\x0f](.{4})", re.DOTALL)
_BLOCK_VALUES = 1 << 18


@contextmanager
def open_ffmpeg(file: Path) -> Iterator[Source]:
    """Open a file by its content, whatever its name.

    Raises:
        DECODING_ERRORS: It is not a sound file that FFmpeg supports.
    """
    options = {
        "format_whitelist": _DEMUXERS,
        "codec_whitelist": _audio_decoders(),
        "protocol_whitelist": "",
    }
    with io.FileIO(file) as raw:
        raw.name = "sound"
        is_cut = _is_cut(raw)
        mp3_frames = _mp3_frames(raw)
        if _is_pcm_wav(raw):
            options["probesize"] = _PCM_PROBE_BYTES
        raw.seek(0)
        with av.open(io.BufferedReader(raw), "r", options=options, metadata_errors="replace") as c:
            yield _FfmpegSource(c, mp3_frames, is_cut)


class _FfmpegSource(Source):
    def __init__(self, container: InputContainer, mp3_frames: int | None, is_cut: bool) -> None:
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._stream.codec_context.thread_type = "NONE"
        if self._stream.codec_context.name == "alac" and container.format.name == "caf":
            # FFmpeg drops from the last frame what pads it to the length of others, and is not
            # there: the frame says itself how long it is.
            self._stream.codec_context.flags2 |= Flags2.skip_manual
        self._failed = self._last_frame = 0
        self.sample_rate = self._stream.codec_context.sample_rate
        self.channels = self._stream.codec_context.channels
        self.is_cut = is_cut
        name = container.format.name
        self._is_mp3 = name == "mp3"
        self._is_mp4 = "mp4" in name.split(",")
        self._delay = 0 if self._stream.start_time else _UNSAID_DELAY.get(name, 0)
        self.seconds = self._length()
        if self._is_mp3:
            stated = (mp3_frames or 0) * (576 if self.sample_rate < 32_000 else 1_152)
            self.seconds = min(stated / self.sample_rate, self.seconds or 0.0) or None
        elif name in _LENGTH_IS_ESTIMATED:
            self.seconds = None

    def _length(self) -> float | None:
        length, base = self._stream.duration, self._stream.time_base
        if length and base:
            return float(length * base)
        if len(self._container.streams) == 1 and self._container.duration:
            return self._container.duration / av.time_base
        return None

    def blocks(self) -> Iterator[SampleBlock]:
        waiting: list[FloatArray] = []
        kind, delay, seconds = (0, 0), self._delay, 0.0
        for frame in self._frames():
            samples = _to_float(frame)[delay:]
            delay -= frame.samples - len(samples)
            seconds += len(samples) / frame.sample_rate
            new_kind = (frame.sample_rate, samples.shape[1])
            if waiting and (new_kind != kind or sum(map(np.size, waiting)) >= _BLOCK_VALUES):
                yield SampleBlock(np.concatenate(waiting), kind[0])
                waiting = []
            kind = new_kind
            waiting += [samples] if len(samples) else []
        if waiting:
            waiting[-1] = waiting[-1][: len(waiting[-1]) - self._padding(seconds, kind[0])]
            yield SampleBlock(np.concatenate(waiting), kind[0])

    def _padding(self, seconds_read: float, sample_rate: int) -> int:
        """Return how many samples only fill up the last packet, which FFmpeg keeps in MP4."""
        if not self._is_mp4 or self.seconds is None:
            return 0
        excess = round((seconds_read - self.seconds) * sample_rate)
        return excess if 0 < excess < self._last_frame else 0

    def complaints(self, seconds_read: float) -> list[str]:
        found = super().complaints(seconds_read)
        if not found and self._failed > (_MP3_JOINT_PACKETS if self._is_mp3 else 0):
            found.append("Parts of the file are damaged and were left out.")
        n_tracks = len(self._container.streams.audio)
        if n_tracks > 1:
            found.append(f"The file holds {n_tracks} sound tracks; the first was read.")
        return found

    def _frames(self) -> Iterator[AudioFrame]:
        """Decode frames and skip damaged packets; after the last frame these are tags."""
        failed, has_begun = 0, False
        packets = self._container.demux(self._stream)
        while failed < _MOST_FAILURES:
            try:
                packet = next(packets, None)
                frames = [] if packet is None else self._stream.decode(packet)
            except av.FFmpegError:
                failed += 1
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                break
            if frames:
                self._last_frame = frames[-1].samples
                has_begun = True
                self._failed += failed
                failed = 0
            yield from frames
        if failed and not has_begun:
            raise ValueError("Nothing of the stream can be decoded.")


def _to_float(frame: AudioFrame) -> FloatArray:
    """Convert a frame to (T, channels); integers are scaled to [-1, 1]."""
    values = frame.to_ndarray()
    values = values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels)
    samples = np.ascontiguousarray(values, np.float32)
    if values.dtype.kind == "f":
        return samples
    scale = np.float32(2 ** (8 * values.itemsize - 1))
    return (samples - scale if values.dtype.kind == "u" else samples) / scale


def _is_pcm_wav(file: io.FileIO) -> bool:
    file.seek(0)
    head = file.read(22)
    is_wav = head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt "
    return is_wav and int.from_bytes(head[20:22], "little") in _PCM_TAGS


def _is_cut(file: io.FileIO) -> bool:
    """Return whether a WAV, W64 or CAF is shorter than its header says; FFmpeg does not check."""
    stated = _stated_bytes(file)
    n_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    return n_bytes < stated


def _stated_bytes(file: io.FileIO) -> int:
    """Read the least length in the header; 0 if there is none, or recording never finished."""
    head = file.read(24)
    if head[:4] == b"RIFF":
        stated = int.from_bytes(head[4:8], "little") + 8
        return stated if stated < _UNWRITTEN else 0
    if head[:16] == _W64:
        stated = int.from_bytes(head[16:], "little", signed=True)
        return max(0, stated - 7)  # what pads the last chunk may be missing
    if head[:4] == b"caff":
        return _end_of_caf_data(file)
    return 0


def _end_of_caf_data(file: io.FileIO) -> int:
    end = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(end)
        header = file.read(12)
        size = int.from_bytes(header[4:], "big", signed=True)
        if len(header) < 12 or size < 0:  # -1: up to the end, wherever that is
            break
        end += len(header) + size
        if header[:4] == b"data":
            return end
    return 0


def _mp3_frames(file: io.FileIO) -> int | None:
    """Read the number of frames of an MP3 file from its encoder's tag; None if it has no tag.

    Without a tag, FFmpeg reports a guess from the size of the file as its length.
    """
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        file.seek(10 + size)
    found = _XING.search(file.read(200))
    return int.from_bytes(found[1]) if found else None


@cache
def _audio_decoders() -> str:
    """List all audio decoders, so that pictures and films beside the sound are never decoded."""
    return ",".join(name for name in sorted(av.codecs_available) if _decodes_sound(name))


def _decodes_sound(name: str) -> bool:
    try:
        return av.Codec(name, "r").type == "audio"
    except ValueError:  # it only encodes
        return False
