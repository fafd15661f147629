"""The paper's best loss: every sound, note or mixture, is an anchor at some point."""

import torch
from torch import Tensor

from cir.losses.mix_triplet import negatives_of_pairs
from cir.losses.similarity import euclidean_distances, mean_hinge


def full_triplet(
    mixtures: Tensor,
    notes: Tensor,
    owners: Tensor,
    margin: float = 1.0,
    *,
    same_mix_negatives: bool = True,
) -> Tensor:
    """The triplets of `mix_triplet`, and once more with anchor and positive swapped.

                                  n0  n1  n2  n3   m0  m1
        anchor m0, positive n0     +   s   -   -    .   -     + positive   - negative
        anchor n0, positive m0     .   s   -   -    +   -     . itself
        anchor m0, positive n1     s   +   -   -    .   -     s same mixture: negative
        anchor n1, positive m0     s   .   -   -    +   -       in the paper
        ...

    With the s, the swapped half can reach 0 (notes further from each other than from their
    mixture), the other half cannot: the floor is half of `mix_triplet`'s.

    Args:
        mixtures: One raw embedding per mixture, (B, D).
        notes: A note of each instrument in them, raw, (K, D).
        owners: Index of each note's mixture, (K,).
        margin: In L2 distance between raw embeddings.
        same_mix_negatives: Whether the s are negatives, as in the paper.

    Returns:
        A scalar: the mean over 2 K (K + B - 2) triplets (792 for 6 mixtures of 3).
    """
    sounds = torch.cat([notes, mixtures])  # (K + B, D)
    distances = euclidean_distances(sounds, sounds)
    negative = negatives_of_pairs(owners, len(mixtures), same_mix_negatives=same_mix_negatives)
    from_mixtures = distances[len(notes) + owners]  # (K, K + B)
    from_notes = distances[: len(notes)]
    return mean_hinge(
        from_mixtures.diagonal().repeat(2),
        torch.cat([from_mixtures, from_notes]),
        negative.repeat(2, 1),
        margin,
    )
