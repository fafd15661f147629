"""Mixing several channels down to one without cancellation.

The mean of the channels loses what two of them play in opposite phase, such as an inverted channel
or the wide part of a mix. In each frequency bin of each window of 64 ms, the sum of the channels
keeps this share of their power:

    kept = |x_1 + ... + x_n|^2 / (|x_1|^2 + ... + |x_n|^2)

It is n for equal channels, 1 for unrelated ones or a single one, 0 if they cancel. Powers are first
averaged over five windows and five bins, since unrelated channels cancel in single bins by chance.
If less than 0.1 is kept, the first channel within 6 dB of the loudest replaces the mean, scaled to
the mean of equal phases. Between 0.1 and 0.3 the two are crossfaded; above, the mean is unchanged.

More than eight channels are first summed to eight (`fold`).
"""

import numpy as np
from numpy.fft import irfft, rfft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cir.types import FloatArray

_WINDOW_SECONDS = 0.064
_KEPT_LITTLE, _KEPT_ENOUGH = 0.1, 0.3
_LEAST_POWER_OF_LOUDEST = 0.25
_REACH = 2
"""Number of windows, and of bins, to either side over which powers are averaged."""
_CONTEXT_HOPS = 2 * (_REACH + 2)
"""Samples at this distance do not affect each other."""
_CHUNK_VALUES = 1 << 18
_MOST_CHANNELS = 8
_TINY = float(np.finfo(np.float32).tiny)


class Downmix:
    """Mixes a stream down block by block; the result does not depend on the blocks.

    Args:
        sample_rate: In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop = 1 << max(4, round(np.log2(_WINDOW_SECONDS / 2 * sample_rate)))
        self._kept: FloatArray | None = None
        self._past = 0
        """Number of kept samples that were returned already and are context for later ones."""

    def add(self, block: FloatArray, *, last: bool = False) -> FloatArray:
        """Take the next samples, (T, channels), and return those that are ready, (T',)."""
        samples = block if self._kept is None else np.concatenate([self._kept, block])
        context = _CONTEXT_HOPS * self._hop
        chunk = max(context, _CHUNK_VALUES // samples.shape[1] // self._hop * self._hop)
        ready = [np.zeros(0, np.float32)]
        while len(samples) - self._past >= chunk + context:
            end = self._past + chunk
            ready.append(_mix(samples[: end + context], self._hop)[self._past : end])
            start = max(0, end - context)
            samples, self._past = samples[start:], end - start
        if last:
            ready.append(_mix(samples, self._hop)[self._past :])
        else:
            self._kept = samples.copy()
        return np.concatenate(ready)


def fold(samples: FloatArray) -> FloatArray:
    """Sum more than eight channels of (T, channels) into eight with the same mean."""
    n_channels = samples.shape[1]
    if n_channels <= _MOST_CHANNELS:
        return samples
    sums = [samples[:, first::_MOST_CHANNELS].sum(axis=1) for first in range(_MOST_CHANNELS)]
    return np.stack(sums, axis=1) * np.float32(_MOST_CHANNELS / n_channels)


def downmix(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Mix channels, (T, channels), down to one, (T,)."""
    return Downmix(sample_rate).add(samples, last=True)


def _mix(samples: FloatArray, hop: int) -> FloatArray:
    channels = np.ascontiguousarray(samples.T)
    mean: FloatArray = channels.mean(axis=0, dtype=np.float64).astype(np.float32)
    if not (channels != channels[0]).any() or not np.isfinite(channels).all():
        return mean
    window = np.sqrt(np.hanning(2 * hop + 1)[:-1]).astype(np.float32)
    n_frames = -(-len(mean) // hop) + 1
    padded = np.pad(channels, ((0, 0), (hop, n_frames * hop - len(mean))))
    frames = sliding_window_view(padded, 2 * hop, axis=1)[:, ::hop]
    missing = _missing(rfft(frames * window))
    if not missing.any():
        return mean
    pieces = irfft(missing) * window
    added = np.zeros((n_frames + 1, hop), np.float32)
    added[:-1] += pieces[:, :hop]
    added[1:] += pieces[:, hop:]
    return mean + added.reshape(-1)[hop : hop + len(mean)]


def _missing(spectra: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Return what is added to the mean of (channels, frames, bins), (frames, bins)."""
    total = spectra.sum(axis=0)
    powers = np.stack([_power(one) for one in spectra])
    power, loudest = powers.sum(axis=0), powers.max(axis=0)
    kept = _power(total) / np.maximum(power, _TINY)
    weight = np.clip((_KEPT_ENOUGH - kept) / (_KEPT_ENOUGH - _KEPT_LITTLE), 0.0, 1.0)
    chosen = (powers >= _LEAST_POWER_OF_LOUDEST * loudest).argmax(axis=0)
    heard = np.take_along_axis(spectra, chosen[None], axis=0)[0]
    in_play = power / np.maximum(loudest, _TINY)
    missing: NDArray[np.complexfloating] = weight * (heard * in_play - total) / len(spectra)
    return missing


def _power(spectra: NDArray[np.complexfloating]) -> NDArray[np.floating]:
    """Return the power, averaged over neighbouring frames and bins."""
    power: NDArray[np.floating] = np.square(spectra.real) + np.square(spectra.imag)
    for _ in range(2):  # along each axis: the array is transposed twice
        padded = np.pad(power, ((_REACH, _REACH), (0, 0)))
        mean = np.zeros_like(power)
        for start in range(2 * _REACH + 1):
            mean += padded[start : start + len(power)]
        power = (mean / (2 * _REACH + 1)).T
    return power
