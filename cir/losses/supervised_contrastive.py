"""Contrast between labels, or any positives, several for each sound."""

import torch
from torch import Tensor

from cir.losses.similarity import cosine_similarities
from cir.losses.temperature import PAPER_TEMPERATURE


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
        temperature: Divides the cosines; a tensor if it is learned.

    Returns:
        Mean over the sounds whose label occurs again, a scalar; 0 if none does.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    is_positive = (labels.unsqueeze(1) == labels) & ~itself
    return several_positives_infonce(embeddings, is_positive, temperature)


def several_positives_infonce(
    embeddings: Tensor, is_positive: Tensor, temperature: Tensor | float
) -> Tensor:
    """Each sound picks its positives among all sounds but itself.

    Cross-entropy against targets that are equal over the positives of a row and sum to 1. With p
    positives a row costs log p at least. Rows without a positive are left out.

    Args:
        embeddings: Raw, (N, D).
        is_positive: Row by row, bool, (N, N), False on the diagonal; all others are negatives.
        temperature: Divides the cosines; a tensor if it is learned.

    Returns:
        Mean cross-entropy over the rows that have a positive, a scalar; 0 if none has.
    """
    logits = cosine_similarities(embeddings, embeddings) / temperature
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    # The least finite number, not -inf: a row that is alone would have no gradient but NaN.
    others = logits.masked_fill(itself, torch.finfo(logits.dtype).min)
    costs = others.logsumexp(dim=1, keepdim=True) - logits
    n_positives = is_positive.sum(dim=1)
    rows = (costs * is_positive).sum(dim=1) / n_positives.clamp_min(1)
    return rows.sum() / (n_positives > 0).sum().clamp_min(1)
