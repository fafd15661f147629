"""What both stages do with a `ConvAst`: keep it, train parts of it, and learn a scale beside it."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn

from cir.model.conv_ast.network import ConvAst
from cir.training.optimiser import MatrixOptimiser
from cir.training.stage import Stage, StageConfig


class Validation(Protocol):
    """Asks a network about instruments that were not trained on."""

    @abstractmethod
    def run(self, network: ConvAst) -> dict[str, float]:
        """How well it answers, by the name of the measure."""


class NetworkStage(Stage):
    """A stage that trains parts of a network."""

    def __init__(
        self,
        network: ConvAst,
        trained: Iterable[tuple[str, nn.Parameter]],
        config: StageConfig,
        validation: Validation,
        *,
        log_scale: float,
        precision: torch.dtype,
    ) -> None:
        """Hand the trained parameters to an optimiser.

        Args:
            network: Validated and saved as a whole.
            trained: Names and parameters of the parts that learn.
            config: Of the stage.
            validation: What `validate` asks.
            log_scale: Natural logarithm of what cosines are multiplied by at first; learned.
            precision: Of the network in training.
        """
        self.network = network
        self.validation = validation
        self.precision = precision
        device = next(network.parameters()).device
        self.log_scale = nn.Parameter(torch.tensor(log_scale, device=device))
        self.optimiser = MatrixOptimiser(
            trained,
            [self.log_scale],
            matrix_rate=config.matrix_rate,
            rate=config.rate,
            weight_decay=config.weight_decay,
        )

    def state(self) -> dict[str, Tensor]:
        """See `Stage`."""
        return {**self.network.state_dict(), "log_scale": self.log_scale}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Stage`."""
        rest = dict(tensors)
        with torch.no_grad():
            self.log_scale.copy_(rest.pop("log_scale"))
        self.network.load_state_dict(rest)

    def validate(self) -> dict[str, float]:
        """See `Stage`."""
        return self.validation.run(self.network)

    def autocast(self) -> AbstractContextManager[object]:
        """Computes in the stage's precision within it."""
        return torch.autocast(
            self.log_scale.device.type, self.precision, enabled=self.precision != torch.float32
        )
