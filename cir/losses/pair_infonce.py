"""InfoNCE over pairs of sounds of the same instrument."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cir.losses.similarity import cosine_similarities
from cir.losses.temperature import PAPER_TEMPERATURE


def pair_infonce(
    anchors: Tensor,
    positives: Tensor,
    temperature: Tensor | float = PAPER_TEMPERATURE,
) -> Tensor:
    """Each sound picks its partner out of the batch, both ways.

              b0  b1  b2
          a0   +   -   -
          a1   -   +   -        + positive   - negative
          a2   -   -   +

    Args:
        anchors: One sound per instrument, raw embeddings, (P, D).
        positives: Another sound of the same instruments, in the same order, (P, D).
        temperature: Divides the cosines; a tensor if it is learned.

    Returns:
        Mean of the two cross-entropies, a scalar.
    """
    similarities = cosine_similarities(anchors, positives) / temperature
    target = torch.arange(len(anchors), device=anchors.device)
    losses = [cross_entropy(logits, target) for logits in (similarities, similarities.T)]
    return (losses[0] + losses[1]) / 2
