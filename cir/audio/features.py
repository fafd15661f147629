"""Kaldi-compatible log-mel filterbanks, batched in torch.

They equal those of transformers' `ASTFeatureExtractor` (25 ms Hann window, pre-emphasis 0.97, DC
removed, 512-point FFT, natural logarithm, AudioSet normalisation), for a whole batch and on any
device. The frame shift may differ from AST's 10 ms, for models that are trained from scratch.
"""

import math
import warnings
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

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


def mel_power(audio: Tensor, *, hop_samples: int = 160, n_mels: int = 128) -> Tensor:
    """Compute power in mel bands, which is additive for sounds of unrelated phase.

    Args:
        audio: Waveforms in [-1, 1] at 16 kHz, float32, (B, T) with T >= 400.
        hop_samples: Frame shift.
        n_mels: Number of mel bands between 20 Hz and 8 kHz.

    Returns:
        (B, 1 + (T - 400) // hop_samples, n_mels).
    """
    frames = audio.unfold(-1, MEL_WINDOW_SAMPLES, hop_samples)  # (B, F, 400)
    frames = frames - frames.mean(-1, keepdim=True)
    emphasised = frames.clone()  # except the first samples, where the window is 0
    emphasised[..., 1:].sub_(frames[..., :-1], alpha=PRE_EMPHASIS)
    emphasised.mul_(_window(audio.device))
    spectrum = torch.fft.rfft(emphasised, FFT_SIZE)
    power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)  # (B, F, 257)
    mel: Tensor = power @ _filters(n_mels, audio.device)
    return mel


def log_mel(audio: Tensor, *, hop_samples: int = 160, n_mels: int = 128) -> Tensor:
    """Compute normalised log-mel spectrograms of a batch of clips.

    Args:
        audio: Waveforms in [-1, 1] at 16 kHz, float32, (B, T) with T >= 400.
        hop_samples: Frame shift.
        n_mels: Number of mel bands between 20 Hz and 8 kHz.

    Returns:
        (B, 1 + (T - 400) // hop_samples, n_mels), about zero mean and 0.5 standard deviation on
        AudioSet. Each clip's values depend on that clip alone.
    """
    if audio.device.type == "cpu" and len(audio) > 1:
        # One clip fits into the processor's cache, a batch does not: twice as fast.
        clips = [
            log_mel(clip, hop_samples=hop_samples, n_mels=n_mels) for clip in torch.split(audio, 1)
        ]
        return torch.cat(clips)
    mel = mel_power(audio, hop_samples=hop_samples, n_mels=n_mels)
    normalised: Tensor = mel.clamp_min_(MEL_FLOOR).log_().sub_(AUDIOSET_MEAN)
    return normalised.div_(2 * AUDIOSET_STD)


@lru_cache(maxsize=8)
def _window(device: torch.device) -> Tensor:
    return torch.hann_window(MEL_WINDOW_SAMPLES, periodic=False, device=device)


@lru_cache(maxsize=8)
def _filters(n_mels: int, device: torch.device) -> Tensor:
    """Return triangular filters on Kaldi's mel scale, (257, n_mels)."""
    with warnings.catch_warnings():
        # The lowest of AST's 128 bands are narrower than the FFT's bins: their triangles are empty.
        warnings.filterwarnings("ignore", "At least one mel filter has all zero values")
        filters = mel_filter_bank(
            num_frequency_bins=FFT_SIZE // 2 + 1,
            num_mel_filters=n_mels,
            min_frequency=20,
            max_frequency=SAMPLE_RATE // 2,
            sampling_rate=SAMPLE_RATE,
            norm=None,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )
    return torch.as_tensor(filters, dtype=torch.float32, device=device)


def to_decibels(features: FloatArray) -> NDArray[np.float32]:
    """Convert normalised log-mel features to levels in decibels."""
    natural = features * (2 * AUDIOSET_STD) + AUDIOSET_MEAN
    return np.asarray(natural * _DB_PER_NEPER, np.float32)


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
