"""InfoNCE over pairs of sounds of the same instrument."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cir.losses.similarity import cosine_similarities

PAPER_TEMPERATURE = 0.1


def pair_infonce(
    anchors: Tensor,
    positives: Tensor,
    temperature: Tensor | float = PAPER_TEMPERATURE,
    *,
    extra: Tensor | None = None,
    extra_mask: Tensor | None = None,
) -> Tensor:
    """Each sound picks its partner out of the batch, both ways (section 5 of the protocol).

              b0  b1  b2  x0  x1                a0  a1  a2  x0  x1
          a0   +   -   -   -   .            b0   +   -   -   -   .
          a1   -   +   -   .   -    and     b1   -   +   -   .   -
          a2   -   -   +   -   -            b2   -   -   +   -   -

          + positive   - negative   . left out by `extra_mask`   x `extra`

    Args:
        anchors: One sound per instrument, raw embeddings, (P, D).
        positives: Another sound of the same instruments, in the same order, (P, D).
        temperature: Divides the cosines; a tensor where it is learned.
        extra: Further sounds that are nobody's partner, from a memory queue say, (M, D).
        extra_mask: Which of them may serve as negatives of which pair, bool, (P, M); all if None.

    Returns:
        Mean of the two cross-entropies, a scalar.
    """
    similarities = cosine_similarities(anchors, positives)
    target = torch.arange(len(anchors), device=anchors.device)
    losses = []
    for sounds, logits in ((anchors, similarities), (positives, similarities.T)):
        if extra is not None:
            logits = torch.cat([logits, cosine_similarities(sounds, extra)], dim=1)
        logits = logits / temperature
        if extra_mask is not None:
            # After the division: the temperature's gradient would be infinity times 0 before it.
            logits = logits.masked_fill(_left_out(extra_mask), -torch.inf)
        losses.append(cross_entropy(logits, target))
    return (losses[0] + losses[1]) / 2


def _left_out(extra_mask: Tensor) -> Tensor:
    """The points of the matrix, (P, P + M)."""
    pairs = extra_mask.new_zeros(len(extra_mask), len(extra_mask))
    return torch.cat([pairs, ~extra_mask], dim=1)
