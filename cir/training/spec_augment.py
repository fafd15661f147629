"""Stripes of a log-mel that are blanked in training: SpecAugment (Park et al. 2019), no warping."""

import torch
from torch import Tensor

_WIDEST = 1 / 8
"""Of a stripe, as a share of the frames or of the bands."""


def blank_stripes(features: Tensor, n_stripes: int) -> Tensor:
    """Blank stripes of each clip, drawn from torch's own generator.

    Args:
        features: Log-mels, (B, F, n_mels).
        n_stripes: Along time, and as many along frequency; they may overlap.

    Returns:
        A copy in which each clip's stripes hold its own mean, as large as `features`.
    """
    blank = torch.zeros_like(features, dtype=torch.bool)
    for dim in (1, 2):
        for _ in range(n_stripes):
            blank |= _draw_stripes(features, dim)
    return torch.where(blank, features.mean((1, 2), keepdim=True), features)


def _draw_stripes(features: Tensor, dim: int) -> Tensor:
    """A stripe of each clip across dimension `dim`, bool, (B, F, 1) or (B, 1, n_mels)."""
    length = features.shape[dim]
    widths, places = torch.rand(2, len(features), 1, device=features.device)
    width = widths * _WIDEST * length
    start = places * (length - width)
    steps = torch.arange(length, device=features.device)
    stripe = (steps >= start) & (steps < start + width)
    across: Tensor = stripe.unsqueeze(3 - dim)
    return across
