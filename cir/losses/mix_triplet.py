"""The paper's triplet loss: mixtures are anchors, notes of their instruments positives."""

import torch
from torch import Tensor

from cir.losses.similarity import euclidean_distances, mean_hinge


def mix_triplet(
    mixtures: Tensor,
    notes: Tensor,
    owners: Tensor,
    margin: float = 1.0,
    *,
    same_mix_negatives: bool = True,
) -> Tensor:
    """Mean hinge over all triplets of a mixture, one of its notes and anything else.

                     n0  n1  n2  n3   m0  m1
        m0 with n0    +   s   -   -    .   -
        m0 with n1    s   +   -   -    .   -      + positive   - negative   . itself
        m1 with n2    -   -   +   s    -   .      s same mixture: negative in the paper
        m1 with n3    -   -   s   +    -   .

    With the s, notes of the anchor's own mixture are both positive and negative of it: with S
    notes in each of B mixtures the loss cannot fall below (S - 1) / (B S + B - 2) of the margin.

    Args:
        mixtures: One raw embedding per mixture, (B, D).
        notes: A note of each instrument in them, raw, (K, D).
        owners: Index of each note's mixture, (K,).
        margin: In L2 distance between raw embeddings.
        same_mix_negatives: Whether the s are negatives, as in the paper.

    Returns:
        A scalar.
    """
    distances = euclidean_distances(mixtures, torch.cat([notes, mixtures]))[owners]  # (K, K + B)
    negative = negatives_of_pairs(owners, len(mixtures), same_mix_negatives=same_mix_negatives)
    return mean_hinge(distances.diagonal(), distances, negative, margin)


def negatives_of_pairs(owners: Tensor, n_mixtures: int, *, same_mix_negatives: bool) -> Tensor:
    """Return which sounds are negatives of each note and its mixture, bool, (K, K + B)."""
    mixture = torch.arange(n_mixtures, device=owners.device)
    if same_mix_negatives:
        other_notes = ~torch.eye(len(owners), dtype=torch.bool, device=owners.device)
    else:
        other_notes = owners.unsqueeze(1) != owners
    return torch.cat([other_notes, owners.unsqueeze(1) != mixture], dim=1)
