"""Mel bands as Kaldi and the Audio Spectrogram Transformer have them, and log-mels in numpy."""

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cir.audio.dsp import MEL_WINDOW_SAMPLES
from cir.types import SAMPLE_RATE, FloatArray

FFT_SIZE = 512
PRE_EMPHASIS = 0.97
MEL_FLOOR = 1.192092955078125e-07
AUDIOSET_MEAN = -4.2677393
AUDIOSET_STD = 4.5689974

LOWEST_HZ, HIGHEST_HZ = 20.0, SAMPLE_RATE / 2
"""Range of the mel filters."""
_DB_PER_NEPER = 10 / math.log(10)


def clip_decibels(
    clip: FloatArray, *, hop_samples: int = 160, n_mels: int = 128
) -> NDArray[np.float32]:
    """Compute the log-mel spectrogram of one clip, as `cir.audio.features.log_mel` does in torch.

    Args:
        clip: Waveform in [-1, 1] at 16 kHz, (T,) with T >= 400.
        hop_samples: Frame shift.
        n_mels: Number of mel bands.

    Returns:
        Levels in decibels, (1 + (T - 400) // hop_samples, n_mels).
    """
    frames = sliding_window_view(clip, MEL_WINDOW_SAMPLES)[::hop_samples]
    frames = frames - frames.mean(1, keepdims=True)
    emphasised = frames.copy()
    emphasised[:, 1:] -= PRE_EMPHASIS * frames[:, :-1]
    spectrum = np.fft.rfft(emphasised * np.hanning(MEL_WINDOW_SAMPLES), FFT_SIZE)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) @ mel_filters(n_mels)
    return np.asarray(_DB_PER_NEPER * np.log(np.maximum(power, MEL_FLOOR)), np.float32)


@lru_cache(maxsize=8)
def mel_filters(n_mels: int) -> NDArray[np.float64]:
    """Return triangular filters on Kaldi's mel scale, (257, n_mels).

    The lowest of AST's 128 bands are narrower than the FFT's bins: their triangles are empty.
    """
    bins = np.array([_mel(hertz) for hertz in np.fft.rfftfreq(FFT_SIZE, 1 / SAMPLE_RATE)])
    edges = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), n_mels + 2)
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    filters: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters


def mel_place(hertz: float) -> float:
    """Return the place of a frequency on the mel axis, from 0 to 1."""
    low, high = _mel(LOWEST_HZ), _mel(HIGHEST_HZ)
    return (_mel(hertz) - low) / (high - low)


def hertz_at(place: float) -> float:
    """Return the frequency at a place; the inverse of `mel_place`."""
    low, high = _mel(LOWEST_HZ), _mel(HIGHEST_HZ)
    return 700.0 * math.expm1((low + place * (high - low)) / 1127.0)


def _mel(hertz: float) -> float:
    """Convert hertz to Kaldi's mel scale."""
    return 1127.0 * math.log1p(hertz / 700.0)
