"""The hinge that all triplet losses average."""

from torch import Tensor


def mean_hinge(positive: Tensor, distances: Tensor, is_negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, positive - negative + margin) over all triplets; 0 where there are none.

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
