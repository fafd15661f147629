"""The triplet loss over pairs of sounds of the same instrument."""

import torch
from torch import Tensor

from cir.losses.similarity import euclidean_distances, mean_hinge


def pair_triplet(anchors: Tensor, positives: Tensor, margin: float = 1.0) -> Tensor:
    """Each sound is anchor once and positive once; sounds of other instruments are negatives.

                   a0  a1  a2  b0  b1  b2
        anchor a0   .   -   -   +   -   -
        anchor a1   -   .   -   -   +   -      + positive   - negative   . itself
        ...
        anchor b2   -   -   +   -   -   .

    Args:
        anchors: One sound per instrument, raw embeddings, (P, D).
        positives: Another sound of the same instruments, in the same order, (P, D).
        margin: In L2 distance between raw embeddings.

    Returns:
        A scalar: the mean over 2 P x 2 (P - 1) triplets.
    """
    sounds = torch.cat([anchors, positives])  # (2P, D)
    distances = euclidean_distances(sounds, sounds)
    instrument = torch.arange(len(anchors), device=sounds.device).repeat(2)
    positive = distances.diagonal(len(anchors)).repeat(2)  # from a_i to b_i, and back
    return mean_hinge(positive, distances, instrument.unsqueeze(1) != instrument, margin)
