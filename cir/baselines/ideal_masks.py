"""Ideal ratio masks: the best that a mask on the mixture's spectrogram can do."""

import torch
from torch import Tensor

from cir.baselines.known_stems import KnownStems
from cir.mixtures.render import Mixture
from cir.types import FloatArray

FFT_SAMPLES = 2048
"""128 ms at 16 kHz."""
HOP_SAMPLES = 512

_POWER_FLOOR = 1e-10
"""Far below any stem. Where all are silent (reverberation, noise) they have equal shares."""


class IdealMasks(KnownStems):
    """The mix with its effects, masked by the shares of the stems; the mix keeps its phase."""

    name = "ideal-masks"

    def stems(self, mixture: Mixture) -> FloatArray:
        """Return the masked mix, (S, T)."""
        return mask_mix(mixture.mix, mixture.stems)


def mask_mix(mix: FloatArray, stems: FloatArray) -> FloatArray:
    """Return each stem's share of a mix.

    Args:
        mix: (T,), with or without effects.
        stems: (S, T), at any common level.

    Returns:
        (S, T); they sum to the mix.
    """
    spectrum = _spectrum(torch.from_numpy(mix))  # (bins, frames)
    masks = ratio_masks(_spectrum(torch.from_numpy(stems)).abs().square())
    masked = torch.istft(
        masks * spectrum, FFT_SAMPLES, HOP_SAMPLES, window=_window(), length=len(mix)
    )
    heard: FloatArray = masked.numpy()
    return heard


def ratio_masks(powers: Tensor) -> Tensor:
    """Return each stem's share of the power, |S_i|^2 / sum_j |S_j|^2: the Wiener filter.

    The ratio of magnitudes, the other common choice, leaves more of the other stems.

    Args:
        powers: Of the stems, (S, bins, frames).

    Returns:
        In [0, 1], (S, bins, frames); they sum to 1 over the stems.
    """
    floored = powers + _POWER_FLOOR
    return floored / floored.sum(0)


def _spectrum(audio: Tensor) -> Tensor:
    """Complex, (..., 1025, 1 + T // 512)."""
    return torch.stft(
        audio,
        FFT_SAMPLES,
        HOP_SAMPLES,
        window=_window(),
        pad_mode="constant",
        return_complex=True,
    )


def _window() -> Tensor:
    """Periodic Hann, (2048,)."""
    return torch.hann_window(FFT_SAMPLES)
