"""What the losses share."""

from torch import Tensor
from torch.nn.functional import normalize


def cosine_similarities(queries: Tensor, keys: Tensor) -> Tensor:
    """Cosine of every query (N, D) with every key (M, D), as (N, M)."""
    return normalize(queries, dim=-1) @ normalize(keys, dim=-1).T
