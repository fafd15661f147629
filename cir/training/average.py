"""A moving average of a network's weights, which is what is validated and shipped."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor

from cir.model.network import TimbreNetwork


class MovingAverage:
    """Exponential moving average that forgets quickly while it is young.

    With a constant decay the random weights of the start would linger for thousands of steps.
    """

    def __init__(self, network: TimbreNetwork, decay: float) -> None:
        """Start at the network's present weights."""
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: TimbreNetwork, step: int) -> None:
        """Move towards the weights after step number `step`, counted from 1."""
        decay = min(self.decay, step / (step + 10))
        averaged = _tensors(self.network)
        torch._foreach_lerp_(averaged, _tensors(network), 1 - decay)


def _tensors(network: TimbreNetwork) -> list[Tensor]:
    parameters: Iterable[Tensor] = network.parameters()
    return [parameter.detach() for parameter in parameters]
