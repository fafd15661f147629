"""Patches that are left out in training, which makes it faster and its views more varied.

Patchout, from Koutini et al., "Efficient training of audio transformers with patchout" (2022): the
transformer only sees some patches of each clip. All of them are seen when the model is used.
"""

import torch
from torch import Tensor

from cir.model.config import EncoderConfig


def keep_patches(features: Tensor, config: EncoderConfig, dropout: float) -> Tensor:
    """Draw which patches of each clip stay, from torch's own generator.

    Args:
        features: Log-mels, (B, F, n_mels).
        config: Of the encoder that cuts them into patches.
        dropout: Share of the patches that is left out, in [0, 1).

    Returns:
        Numbers of the patches that stay, one at least, ascending, (B, K).
    """
    n_columns = (features.shape[1] - config.patch_size) // config.time_stride + 1
    n_bands = (features.shape[2] - config.patch_size) // config.frequency_stride + 1
    n_patches = n_columns * n_bands
    n_kept = max(1, round(n_patches * (1 - dropout)))
    order = torch.rand(len(features), n_patches, device=features.device).argsort(1)
    return order[:, :n_kept].sort(1).values
