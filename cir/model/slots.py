"""One answer per open slot out of the windows of a long mixture."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import normalize

#: Two slots that both heard something below this cosine heard different instruments: they are
#: better paired with silent slots than blended into one embedding of neither.
_SAME_INSTRUMENT = 0.5


def merge_windows(slots: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
    """Pair the slots of all windows by what they heard, and average them.

    Slots have no order, so that slot 0 of one window may be slot 2 of the next. Each window is
    paired with the mean of those before it: the assignment with the largest sum of
    (cosine - 0.5), weighted by the presence of both, so that silent slots do not pull.

    Args:
        slots: What each slot heard in each window, (W, K, D).
        presence: Whether it heard anything, in [0, 1], (W, K).

    Returns:
        Unit embeddings (K, D), means weighted by presence, and presence (K,), the largest of any
        window: an instrument is in a mixture if it is anywhere in it.
    """
    slots = normalize(slots, dim=-1)
    # A slot that is silent throughout still has a direction.
    weights = presence.clamp(min=1e-6)
    total, largest = slots[0] * weights[0].unsqueeze(1), presence[0].clone()
    for window, weight, present in zip(slots[1:], weights[1:], presence[1:], strict=True):
        alike = normalize(total, dim=-1) @ window.T - _SAME_INSTRUMENT
        gain = alike * largest.unsqueeze(1) * present
        _, order = linear_sum_assignment(gain.double().numpy(), maximize=True)
        chosen = torch.from_numpy(order)
        total = total + (window * weight.unsqueeze(1))[chosen]
        largest = torch.maximum(largest, present[chosen])
    return normalize(total, dim=-1), largest
