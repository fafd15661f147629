"""The baseline that every learned embedding has to beat: mean and deviation of the MFCCs, z-scored.

The cepstra are librosa's (Slaney mel scale and norm, decibels with a floor 80 dB below the loudest
band, orthonormal DCT-II), computed by two matrix products per clip.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cir.audio.dsp import peak_normalise, resample
from cir.baselines.descriptors import DescriptorEncoder
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray

FFT_SAMPLES = 1024
HOP_SAMPLES = 512
MEL_BANDS = 128
COEFFICIENTS = 20
RANGE_DB = 80.0

_POWER_FLOOR = 1e-10


class MfccEncoder(DescriptorEncoder):
    """Mean and deviation of 20 MFCCs over time, z-scored, D = 40."""

    name: ClassVar[str] = "MFCC"
    version: ClassVar[str] = f"mfcc-{COEFFICIENTS}-mean-std"
    descriptors: ClassVar[int] = 2 * COEFFICIENTS

    @staticmethod
    def describe(sound: FloatArray, sample_rate: int) -> FloatArray:
        """See `mfcc_statistics`."""
        return mfcc_statistics(sound, sample_rate)


def mfcc_statistics(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Means, then standard deviations, of the MFCCs of one sound over time, (40,).

    Raises:
        InputError: The sound is not 1-D, is empty, or has NaN or infinite samples.
    """
    if sound.ndim != 1 or not sound.size or not np.isfinite(sound).all():
        raise InputError(
            f"A sound of shape {sound.shape} cannot be analysed; "
            "give finite mono samples of shape (T,), T > 0."
        )
    coefficients = mfcc(peak_normalise(resample(sound, sample_rate, SAMPLE_RATE)))
    return np.concatenate([coefficients.mean(axis=0), coefficients.std(axis=0)])


def mfcc(audio: FloatArray) -> FloatArray:
    """Mel-frequency cepstra of one clip.

    Args:
        audio: Mono at 16 kHz, float32, (T,).

    Returns:
        (1 + T // 512, 20); frames are centred, zeros lie beyond both ends.
    """
    padded = np.pad(audio, FFT_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.fft.rfft(frames * _window(), axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)  # (frames, 513)
    decibels = 10.0 * np.log10(np.maximum(power @ _mel_filters(), _POWER_FLOOR))
    decibels = np.maximum(decibels, decibels.max() - RANGE_DB)
    return np.asarray(decibels @ _cosines(), dtype=np.float32)


@lru_cache(maxsize=1)
def _window() -> FloatArray:
    """Periodic Hann window, (1024,)."""
    return np.asarray(np.hanning(FFT_SAMPLES + 1)[:-1], dtype=np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> FloatArray:
    """Triangles of equal area on Slaney's mel scale from 0 Hz to 8 kHz, (513, 128)."""
    corners = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE / 2), MEL_BANDS + 2))
    bins_hz = np.fft.rfftfreq(FFT_SAMPLES, 1.0 / SAMPLE_RATE)[:, None]
    lower, centre, upper = corners[:-2], corners[1:-1], corners[2:]
    rising = (bins_hz - lower) / (centre - lower)
    falling = (upper - bins_hz) / (upper - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (upper - lower)), dtype=np.float32)


@lru_cache(maxsize=1)
def _cosines() -> FloatArray:
    """First columns of the orthonormal DCT-II, (128, 20)."""
    band = np.arange(MEL_BANDS)[:, None] + 0.5
    order = np.arange(COEFFICIENTS)
    table = np.sqrt(2.0 / MEL_BANDS) * np.cos(np.pi / MEL_BANDS * band * order)
    table[:, 0] /= np.sqrt(2.0)
    return np.asarray(table, dtype=np.float32)


# Slaney's scale (Auditory Toolbox): linear up to 1 kHz, then logarithmic.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(frequency_hz: float) -> float:
    """For frequencies above 1 kHz."""
    return float(_BREAK_MEL + np.log(frequency_hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(
        mel < _BREAK_MEL,
        mel * _LINEAR_HZ_PER_MEL,
        _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)),
    )
