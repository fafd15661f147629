"""Sound files of many kinds, written for tests by the FFmpeg that reads them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from cir.types import FloatArray


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
