"""The named tensors of checkpoints."""

from collections.abc import Mapping

from torch import Tensor

from cir.schema import TENSOR_ERRORS

CHECKPOINT_ERRORS = (*TENSOR_ERRORS, RuntimeError)
"""Errors of loading a checkpoint that is damaged or of another configuration."""


def to_stored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as safetensors takes them: in memory, contiguous, without gradients."""
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, named without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
