"""Weights between torch and the files of a model."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from cir.model.checkpoint import Weights


def to_arrays(state: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a network's `state_dict`."""
    return {name: value.detach().cpu().numpy() for name, value in state.items()}


def to_tensors(weights: Weights) -> dict[str, Tensor]:
    """Return what a network loads: floats in single precision."""
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in ((name, torch.from_numpy(array)) for name, array in weights.items())
    }
