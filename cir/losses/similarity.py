"""How near two sounds are: the two measures that the losses share."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def cosine_similarities(queries: Tensor, keys: Tensor) -> Tensor:
    """Cosine of every query (N, D) with every key (M, D), as (N, M)."""
    return normalize(queries, dim=-1) @ normalize(keys, dim=-1).T


def euclidean_distances(queries: Tensor, keys: Tensor) -> Tensor:
    """L2 distance of every query (N, D) to every key (M, D), as (N, M).

    Without the usual expansion into products, which loses small distances between long vectors.
    """
    return torch.cdist(queries, keys, compute_mode="donot_use_mm_for_euclid_dist")
