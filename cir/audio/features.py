"""Kaldi-compatible log-mel filterbanks, batched in torch.

They equal those of transformers' `ASTFeatureExtractor` (25 ms Hann window, pre-emphasis 0.97, DC
removed, 512-point FFT, natural logarithm, AudioSet normalisation), for a whole batch and on any
device. The frame shift may differ from AST's 10 ms, for models that are trained from scratch.
"""

from functools import lru_cache

import torch
from torch import Tensor

from cir.audio.dsp import MEL_WINDOW_SAMPLES
from cir.audio.mel import (
    AUDIOSET_MEAN,
    AUDIOSET_STD,
    FFT_SIZE,
    MEL_FLOOR,
    PRE_EMPHASIS,
    mel_filters,
)


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
    return torch.as_tensor(mel_filters(n_mels), dtype=torch.float32, device=device)
