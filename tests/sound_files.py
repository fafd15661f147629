"""Sound files of many kinds, written for tests by the FFmpeg that reads them."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream

from cir.audio.dsp import resample
from cir.types import FloatArray

Write = Callable[[Path, FloatArray, int], object]
"""Takes a file to write, a sound and its sample rate."""


def encode(
    path: Path,
    sound: FloatArray,
    sample_rate: int,
    codec: str,
    container: str,
    bit_rate: int | None = None,
) -> Path:
    """Write (T,) or (T, channels) with a codec in a container, whatever the file is called."""
    channels = np.atleast_2d(sound.T).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(channels)]
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=sample_rate, layout=layout)
        assert isinstance(stream, AudioStream)
        if bit_rate is not None:
            stream.codec_context.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", layout)
        frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), 0
        for part in (frame, None):
            out.mux(stream.encode(part))
    return path


def with_ffmpeg(rate: int, codec: str, container: str, bit_rate: int | None = None) -> Write:
    """Return what encodes a sound at another rate."""
    return lambda path, sound, from_rate: encode(
        path, resample(sound, from_rate, rate), rate, codec, container, bit_rate
    )


def _write_vorbis(path: Path, sound: FloatArray, from_rate: int) -> None:
    with path.open("wb") as file:
        samples = resample(sound, from_rate, 44_100)
        soundfile.write(file, samples, 44_100, format="OGG", subtype="VORBIS")


ENCODINGS: dict[str, Write] = {
    "wav, 22.05 kHz": with_ffmpeg(22_050, "pcm_s16le", "wav"),
    "wav, 44.1 kHz": with_ffmpeg(44_100, "pcm_s16le", "wav"),
    "wav, 48 kHz": with_ffmpeg(48_000, "pcm_s16le", "wav"),
    "flac, 96 kHz": with_ffmpeg(96_000, "flac", "flac"),
    "mp3, 44.1 kHz, 128 kbit/s": with_ffmpeg(44_100, "libmp3lame", "mp3", 128_000),
    "m4a, 44.1 kHz, 128 kbit/s": with_ffmpeg(44_100, "aac", "ipod", 128_000),
    "opus, 48 kHz, 96 kbit/s": with_ffmpeg(48_000, "libopus", "ogg", 96_000),
    "vorbis, 44.1 kHz": _write_vorbis,
}
