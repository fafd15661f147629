"""Regression to the embeddings of another encoder."""

from torch import Tensor
from torch.nn.functional import cosine_similarity


def cosine_to_targets(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Mean of 1 - cosine: the multi-encoder of Kim et al. (2023), in a fixed order of families.

            t0  t1  t2
        e0   +
        e1       +           + positive; there are no negatives
        e2           +

    Args:
        embeddings: Of the student, (N, D).
        targets: Of the frozen teacher, in the same order, (N, D).

    Returns:
        A scalar in [0, 2].
    """
    return 1 - cosine_similarity(embeddings, targets, dim=-1).mean()
