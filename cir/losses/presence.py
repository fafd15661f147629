"""Whether anything in the mixture answers to a query."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Each query of a mixture says whether an instrument in it is its own.

                bass  lead  pad
        mix 0     1     1    0         1 present
        mix 1     0     1    1         0 absent

    Args:
        logits: (B, K).
        present: bool, (B, K).

    Returns:
        Mean binary cross-entropy, a scalar.
    """
    return binary_cross_entropy_with_logits(logits, present.to(logits.dtype))
