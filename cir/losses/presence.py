"""Whether anything in the mixture answers to a query."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Each query or slot of a mixture says whether an instrument in it is its own.

                bass  lead  pad                slot 0  slot 1  slot 2
        mix 0     1     1    0         mix 0      1       1       0       1 present
        mix 1     0     1    1         mix 1      0       0       1       0 absent

    Args:
        logits: (B, K).
        present: For slots, True where `slot_matching` put a note; bool, (B, K).

    Returns:
        Mean binary cross-entropy, a scalar.
    """
    return binary_cross_entropy_with_logits(logits, present.to(logits.dtype))
