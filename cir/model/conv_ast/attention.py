"""Attention as two products and a softmax."""

from torch import Tensor


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Scaled dot-product attention.

    Clips have 16 to 64 tokens. With so few, torch's own kernel takes two to five times as long on a
    CPU, most of it for the gradients.

    Args:
        queries: (B, heads, Q, d).
        keys: (B, heads, N, d).
        values: (B, heads, N, d).

    Returns:
        (B, heads, Q, d).
    """
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    mixed: Tensor = scores.softmax(-1).to(values.dtype) @ values
    return mixed
