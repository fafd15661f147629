"""The two networks of an encoder: the paper's AST and the convolutional AST."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from cir.errors import CheckpointError
from cir.model.conv_ast import ConvAst
from cir.model.network_config import AnyConfig, ConvAstConfig

if TYPE_CHECKING:
    from cir.model.ast import TimbreNetwork

AnyNetwork: TypeAlias = "TimbreNetwork | ConvAst"

_LONGEST_WINDOW_SECONDS = 600.0


def build_network(config: AnyConfig) -> AnyNetwork:
    """Build the network of a configuration, with fresh weights."""
    if isinstance(config, ConvAstConfig):
        return ConvAst(config)
    from cir.model.ast import TimbreNetwork  # brings in transformers

    return TimbreNetwork(config)


def check_weights(config: AnyConfig, state: Mapping[str, Tensor]) -> None:
    """Check that weights fit a configuration, before memory is taken for it.

    Raises:
        CheckpointError: They are not, or the configuration asks for what no model has.
    """
    layers = max(config.n_layers, getattr(config, "n_query_layers", 0))
    if layers > len(state) or config.mixture_seconds > _LONGEST_WINDOW_SECONDS:
        raise CheckpointError(
            f"The model's config.json asks for {layers} layers and windows of "
            f"{config.mixture_seconds:.4g} s, which its weights are not made for."
        )
    try:
        with torch.device("meta"):  # shapes alone
            expected = build_network(config).state_dict()
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(
            f"No network can be as the model's config.json says: {error}."
        ) from None
    wrong = sorted(
        name
        for name in expected.keys() | state.keys()
        if name not in expected
        or name not in state
        or expected[name].shape != state[name].shape
        or expected[name].is_floating_point() != state[name].is_floating_point()
    )
    if wrong:
        raise CheckpointError(
            f"The model's weights do not fit its config.json, {wrong[0]} for one; take both from "
            "the same model."
        )
