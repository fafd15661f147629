"""The networks that an encoder can be: the paper's AST, and the convolutional AST."""

from typing import TypeAlias

from cir.errors import CheckpointError
from cir.model.config import EncoderConfig
from cir.model.conv_ast.config import ConvAstConfig
from cir.model.conv_ast.network import ConvAst
from cir.model.network import TimbreNetwork
from cir.model.network_config import split_json

AnyConfig: TypeAlias = EncoderConfig | ConvAstConfig
AnyNetwork: TypeAlias = TimbreNetwork | ConvAst

_CONFIGS: dict[str, type[AnyConfig]] = {
    kind.ARCHITECTURE: kind for kind in (EncoderConfig, ConvAstConfig)
}


def build_network(config: AnyConfig) -> AnyNetwork:
    """Build the network of a configuration, with fresh weights."""
    if isinstance(config, ConvAstConfig):
        return ConvAst(config)
    return TimbreNetwork(config)


def read_config(text: str | bytes) -> AnyConfig:
    """Read what `NetworkConfig.to_json` wrote.

    Raises:
        CheckpointError: Not JSON, made by another version, or with unknown keys or values.
    """
    architecture, values = split_json(text)
    if architecture not in _CONFIGS:
        raise CheckpointError(
            f"The model's architecture is {architecture!r}, this library knows "
            f"{' and '.join(_CONFIGS)}; install the version of cir that made it."
        )
    return _CONFIGS[architecture].from_values(values)
