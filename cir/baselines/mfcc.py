"""The baseline that every learned embedding has to beat: mean and deviation of the MFCCs, z-scored.

The cepstra are librosa's (Slaney mel scale and norm, decibels with a floor 80 dB below the loudest
band, orthonormal DCT-II).
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy.fft import dct
from transformers.audio_utils import mel_filter_bank

from cir.baselines.descriptors import DescriptorEncoder, to_clip
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
    coefficients = mfcc(to_clip(sound, sample_rate))
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
    return np.asarray(dct(decibels, norm="ortho")[:, :COEFFICIENTS], dtype=np.float32)


@lru_cache(maxsize=1)
def _window() -> FloatArray:
    """Periodic Hann window, (1024,)."""
    return np.asarray(np.hanning(FFT_SAMPLES + 1)[:-1], dtype=np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> FloatArray:
    """Triangles of equal area on Slaney's mel scale from 0 Hz to 8 kHz, (513, 128)."""
    filters = mel_filter_bank(
        num_frequency_bins=1 + FFT_SAMPLES // 2,
        num_mel_filters=MEL_BANDS,
        min_frequency=0.0,
        max_frequency=SAMPLE_RATE / 2,
        sampling_rate=SAMPLE_RATE,
        norm="slaney",
        mel_scale="slaney",
    )
    return np.asarray(filters, dtype=np.float32)
