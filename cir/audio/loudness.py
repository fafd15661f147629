"""How loud a sound is to a listener: integrated loudness after ITU-R BS.1770-4."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from cir.types import FloatArray

SILENT_LUFS = -70.0
"""Where the absolute gate lies; a sound of which nothing passes it has this loudness."""

_BLOCK_SECONDS = 0.4
_HOP_SECONDS = 0.1
_RELATIVE_GATE_LU = -10.0
_OFFSET_LU = -0.691
_CHUNK_FRAMES = 1 << 16


def integrated_loudness(audio: FloatArray, sample_rate: int) -> float:
    """Measure the integrated loudness of a sound in LUFS, as a pair of speakers plays it.

    A mono sound comes from both speakers, so it counts as two equal channels; more than two are
    averaged to mono. Sounds shorter than one block of 400 ms are measured as a whole, where the
    standard knows no answer.

    Args:
        audio: (T,) or (T, channels), in [-1, 1].
        sample_rate: in Hz.
    """
    meter = LoudnessMeter(sample_rate)
    for start in range(0, len(audio), _CHUNK_FRAMES):
        meter.add(audio[start : start + _CHUNK_FRAMES])
    return meter.loudness()


class LoudnessMeter:
    """Measures as `integrated_loudness` does, of a sound that comes piece by piece.

    Args:
        sample_rate: in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._filters = _k_weighting(sample_rate)
        self._states: list[NDArray[np.float64]] = []
        self._length = round(_BLOCK_SECONDS * sample_rate)
        self._hop = round(_HOP_SECONDS * sample_rate)
        self._frames, self._energy = 0, 0.0
        # The energy up to where each block of the standard starts, and up to where it ends.
        self._up_to_starts, self._up_to_ends = [np.zeros(1)], [np.zeros(0)]

    def add(self, audio: FloatArray) -> None:
        """Take the next piece, (T,) or (T, channels), with as many channels as the first."""
        if not len(audio):
            return
        channels = np.asarray(audio, dtype=np.float64)
        if channels.ndim == 1:
            channels = channels[:, np.newaxis]
        elif channels.shape[1] != 2:
            channels = channels.mean(axis=1, keepdims=True)
        if not self._states:
            self._states = [np.zeros((2, channels.shape[1])) for _ in self._filters]
        for number, (numerator, denominator) in enumerate(self._filters):
            channels, self._states[number] = lfilter(
                numerator, denominator, channels, axis=0, zi=self._states[number]
            )
        power = np.square(channels).sum(axis=1) * (2 / channels.shape[1])
        energy = self._energy + np.cumsum(power)
        self._up_to_starts.append(energy[self._marks(0, len(power))])
        self._up_to_ends.append(energy[self._marks(self._length, len(power))])
        self._frames, self._energy = self._frames + len(power), float(energy[-1])

    def loudness(self) -> float:
        """Say how loud all of it is, in LUFS."""
        ends = np.concatenate(self._up_to_ends)
        powers = (ends - np.concatenate(self._up_to_starts)[: len(ends)]) / self._length
        if not len(ends) and self._frames:
            powers = np.array([self._energy / self._frames])
        for gate in (lambda _: SILENT_LUFS, lambda kept: _lufs(kept.mean()) + _RELATIVE_GATE_LU):
            powers = powers[_lufs(powers) > gate(powers)]
            if not len(powers):
                return SILENT_LUFS
        return float(_lufs(powers.mean()))

    def _marks(self, offset: int, n_frames: int) -> NDArray[np.int64]:
        """Which of the next frames are the last before a hop, counted from an offset."""
        first = max(0, -((offset - self._frames - 1) // self._hop))
        last = (self._frames + n_frames - offset) // self._hop
        return np.arange(first, last + 1) * self._hop + offset - self._frames - 1


def _lufs(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(_OFFSET_LU + 10.0 * np.log10(np.maximum(power, 1e-30)))


@lru_cache
def _k_weighting(sample_rate: int) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """The two filters of the standard, a shelf and a high pass, for any sample rate.

    The standard tabulates them for 48 kHz only; these are the analogue prototypes behind that
    table, by the bilinear transform, and equal it at 48 kHz.
    """
    tangent = np.tan(np.pi * 1681.974450955533 / sample_rate)
    quality, high = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    middle = high**0.4996667741545416
    scale = 1.0 + tangent / quality + tangent**2
    shelf = (
        np.array(
            [
                high + middle * tangent / quality + tangent**2,
                2.0 * (tangent**2 - high),
                high - middle * tangent / quality + tangent**2,
            ]
        )
        / scale,
        np.array([1.0, 2.0 * (tangent**2 - 1.0) / scale, _last(tangent, quality) / scale]),
    )
    tangent = np.tan(np.pi * 38.13547087602444 / sample_rate)
    quality = 0.5003270373238773
    scale = 1.0 + tangent / quality + tangent**2
    high_pass = (
        np.array([1.0, -2.0, 1.0]),
        np.array([1.0, 2.0 * (tangent**2 - 1.0) / scale, _last(tangent, quality) / scale]),
    )
    return shelf, high_pass


def _last(tangent: float, quality: float) -> float:
    return float(1.0 - tangent / quality + tangent**2)
