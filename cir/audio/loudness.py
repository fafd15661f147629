"""Integrated loudness after ITU-R BS.1770-4, measured by FFmpeg's filter `ebur128`.

FFmpeg comes with PyAV, measures a stream in constant memory, and rounds to about 0.01 LU.
"""

from contextlib import suppress

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from cir.types import FloatArray

SILENT_LUFS = -70.0
"""The absolute gate, and the loudness of a sound that never passes it."""

_STANDARD_RATE, _LEAST_RATE = 48_000, 8_000
"""`ebur128` needs a whole number of samples in 100 ms, and rates above the band of its filters."""
_BLOCK_SECONDS = 0.4
_CHUNK_FRAMES = 1 << 16


def integrated_loudness(audio: FloatArray, sample_rate: int) -> float:
    """Return the integrated loudness in LUFS of a sound played by a pair of speakers.

    Mono counts as two equal channels; more than two channels are averaged to mono. The standard
    defines no loudness for less than one block of 400 ms: such a sound is repeated to fill it.

    Args:
        audio: (T,) or (T, channels), in [-1, 1].
        sample_rate: In Hz.
    """
    meter = LoudnessMeter(sample_rate)
    for start in range(0, len(audio), _CHUNK_FRAMES):
        meter.add(audio[start : start + _CHUNK_FRAMES])
    return meter.loudness()


class LoudnessMeter:
    """Measures what `integrated_loudness` measures, piece by piece.

    Args:
        sample_rate: In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._block_frames = round(_BLOCK_SECONDS * sample_rate)
        self._waiting: list[FloatArray] = []
        self._graph: Graph | None = None
        self._lufs = SILENT_LUFS

    def add(self, audio: FloatArray) -> None:
        """Add the next piece, (T,) or (T, channels), with as many channels as the first."""
        channels = audio[:, np.newaxis] if audio.ndim == 1 else audio
        if channels.shape[1] > 2:
            channels = channels.mean(axis=1, keepdims=True)
        self._waiting.append(channels)
        if self._graph is not None or sum(map(len, self._waiting)) >= self._block_frames:
            self._measure(np.concatenate(self._waiting))
            self._waiting = []

    def loudness(self) -> float:
        """Return the loudness of all pieces in LUFS; no piece can be added after that."""
        if self._graph is None and any(map(len, self._waiting)):
            short = np.concatenate(self._waiting)
            self._measure(np.tile(short, (-(-self._block_frames // len(short)), 1)))
        if self._graph is not None:
            self._graph.push(None)
            self._pull(self._graph)
        return self._lufs

    def _measure(self, channels: FloatArray) -> None:
        if not len(channels):
            return
        layout = "mono" if channels.shape[1] == 1 else "stereo"
        rate = self._sample_rate
        is_fit = rate % 10 == 0 and rate >= _LEAST_RATE
        if self._graph is None:
            self._graph = Graph()
            self._graph.link_nodes(
                self._graph.add_abuffer(sample_rate=rate, layout=layout, format="flt"),
                self._graph.add("aresample", str(rate if is_fit else _STANDARD_RATE)),
                self._graph.add("ebur128", "metadata=1:dualmono=1:framelog=quiet"),
                self._graph.add("abuffersink"),
            ).configure()
        packed = np.ascontiguousarray(channels, np.float32).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = rate
        self._graph.push(frame)
        self._pull(self._graph)

    def _pull(self, graph: Graph) -> None:
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                measured = graph.pull().metadata.get("lavfi.r128.I")
                self._lufs = self._lufs if measured is None else float(measured)
