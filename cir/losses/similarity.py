"""What the losses share: how near two sounds are, and the hinge of triplets."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def cosine_similarities(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the cosine of every query (N, D) with every key (M, D), as (N, M)."""
    return normalize(queries, dim=-1) @ normalize(keys, dim=-1).T


def euclidean_distances(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the L2 distance of every query (N, D) to every key (M, D), as (N, M).

    The usual expansion into products would lose small distances between long vectors.
    """
    return torch.cdist(queries, keys, compute_mode="donot_use_mm_for_euclid_dist")


def mean_hinge(positive: Tensor, distances: Tensor, is_negative: Tensor, margin: float) -> Tensor:
    """Average max(0, positive - negative + margin) over all triplets; 0 if there are none.

    Args:
        positive: Distance of each anchor to its positive, (A,).
        distances: Of each anchor to every sound, (A, N).
        is_negative: Which of them count, bool, (A, N).
        margin: In the unit of the distances.

    Returns:
        A scalar.
    """
    hinges = (positive.unsqueeze(1) - distances + margin).clamp_min(0)
    return (hinges * is_negative).sum() / is_negative.sum().clamp_min(1)
