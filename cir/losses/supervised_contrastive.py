"""Contrast between labels, with any number of sounds of each."""

import torch
from torch import Tensor

from cir.losses.pair_infonce import PAPER_TEMPERATURE
from cir.losses.several_positives import several_positives_infonce


def supervised_contrastive(
    embeddings: Tensor, labels: Tensor, temperature: Tensor | float = PAPER_TEMPERATURE
) -> Tensor:
    """Each sound picks all others of its label (L_out of Khosla et al. 2020, equation 2).

        label    0   0   0   1   1   2
            0    .   +   +   -   -   -
            0    +   .   +   -   -   -
            0    +   +   .   -   -   -       + positive   - negative   . itself: left out
            1    -   -   -   .   +   -
            1    -   -   -   +   .   -
            2    no positive: a negative of the others only

    Args:
        embeddings: Raw, (N, D).
        labels: Integers, (N,).
        temperature: Divides the cosines; a tensor where it is learned.

    Returns:
        Mean over the sounds whose label occurs again, a scalar; 0 if none does.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    is_positive = (labels.unsqueeze(1) == labels) & ~itself
    return several_positives_infonce(embeddings, is_positive, temperature)
