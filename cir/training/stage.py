"""What the two stages of training share: their configuration, and a network that learns."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn

from cir.config import Amount, Count, Positive, Share, checked
from cir.model.conv_ast import ConvAst
from cir.training.optimiser import MatrixOptimiser


@checked()
class StageConfig:
    """Duration and learning rates of a stage."""

    examples: Count = 1_000_000
    """Notes, or mixtures."""
    minutes: Amount = 0.0
    """Unless 0, the stage ends after this time instead of after `examples`."""
    matrix_rate: Positive = 0.02
    """Highest rate of Muon, for matrices and convolutions."""
    rate: Positive = 2e-3
    """Highest rate of AdamW, for everything else."""
    weight_decay: Amount = 0.05
    warm_share: Share = 0.03
    """Share of the stage in which the rates rise."""
    fall_share: Share = 0.5
    """Share of the stage, at its end, in which they fall to 0."""
    clip: Positive = 2.0
    """Longer gradients are scaled down to this norm."""

    def share(self, done: float) -> float:
        """Return the share of the highest rates when `done` of the stage, 0 to 1, is over."""
        rising = 1.0 if self.warm_share == 0 else min(1.0, (done + 1e-4) / self.warm_share)
        falling = 1.0 if self.fall_share == 0 else min(1.0, (1 - done) / self.fall_share)
        return max(0.0, rising * falling)


class Stage(ABC):
    """A model that learns from batches that it draws itself."""

    optimiser: MatrixOptimiser
    batch_size: int

    @abstractmethod
    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw a batch and return its losses, which are added up."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return everything that was learned, by name."""

    @abstractmethod
    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Load what `state` returned."""

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Load from the `state` of another run what this stage trains, and nothing else."""
        self.load_state(tensors)

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Measure accuracy on held-out instruments."""

    def finish(self) -> dict[str, float]:
        """Do what follows training and is in no checkpoint; return accuracies after it."""
        return {}


class Validation(Protocol):
    """Retrieval of held-out instruments."""

    @abstractmethod
    def run(self, network: ConvAst) -> dict[str, float]:
        """Return accuracies by name."""


class NetworkStage(Stage):
    """A stage that trains parts of a network, and a scale of cosines beside it."""

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
            config: Rates.
            validation: What `validate` runs.
            log_scale: Natural logarithm of the factor of cosines at first; learned.
            precision: Number format of the network in training.
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
            precision=precision,
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
        """Return a context in which the network computes in the precision of the stage."""
        return torch.autocast(
            self.log_scale.device.type, self.precision, enabled=self.precision != torch.float32
        )
