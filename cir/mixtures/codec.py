"""Lossy codecs."""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from cir.audio.dsp import pad_or_trim
from cir.types import SAMPLE_RATE, FloatArray


@dataclass(frozen=True)
class Codec:
    """The names that libsndfile gives a codec, and a usable range of its compression level."""

    container: str
    subtype: str
    compression: tuple[float, float]


#: 16 to 210 kbit/s at 16 kHz, mono.
CODECS = {
    "mp3": Codec("MP3", "MPEG_LAYER_III", (0.2, 0.99)),
    "vorbis": Codec("OGG", "VORBIS", (0.2, 0.99)),
    "opus": Codec("OGG", "OPUS", (0.4, 0.95)),
}


def through_codec(audio: FloatArray, name: str, compression: float) -> FloatArray:
    """Encode and decode a sound at 16 kHz, (T,); its length stays.

    Args:
        audio: In [-1, 1].
        name: One of `CODECS`.
        compression: From 0, best, to 1, smallest.
    """
    codec = CODECS[name]
    file = io.BytesIO()
    soundfile.write(
        file,
        audio,
        SAMPLE_RATE,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=compression,
    )
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return pad_or_trim(np.asarray(decoded, np.float32), len(audio))
