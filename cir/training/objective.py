"""Batches in, losses out: the part of a run that has weights."""

from typing import Self

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.functional import pad

from cir.errors import DataError
from cir.losses.temperature import PAPER_TEMPERATURE
from cir.model.ast import TimbreNetwork
from cir.training.batches import MixtureBatch, PairBatch
from cir.training.loss_table import LOSSES, Embedded
from cir.training.run_config import TrainingConfig

_TEMPERATURES = (0.02, 1.0)
"""Below, cosines overflow and gradients vanish; above, nothing is told apart."""
_PROXY_SCALE = 0.1
"""Only a proxy's direction counts; a short one turns faster under Adam's steps of fixed size."""


def all_gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows (n_p, ...) of every process p along the first dimension.

    Differentiable. Every process computes the whole loss from the result; a row's gradient is the
    sum over processes, and DistributedDataParallel's mean over processes then gives the gradient of
    one process with the whole batch.
    """
    if not distributed.is_initialized():
        return rows
    size = torch.tensor([len(rows)], device=rows.device)
    lengths = [int(one) for one in all_gather(size)]  # type: ignore[no-untyped-call]
    padding = rows.new_zeros(max(lengths) - len(rows), *rows.shape[1:])
    parts = all_gather(torch.cat([rows, padding]))  # type: ignore[no-untyped-call]
    return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])


def all_gather_indices(indices: Tensor, n_rows: int) -> Tensor:
    """Gather indices into rows that are gathered too, of which this process has `n_rows`."""
    if not distributed.is_initialized():
        return indices
    counts = all_gather_rows(torch.tensor([n_rows], device=indices.device))
    return all_gather_rows(indices + counts[: distributed.get_rank()].sum())


class Objective(nn.Module):
    """The network and what its losses learn beside it: temperature, classes, proxies.

    Losses see the embeddings of all processes; see `all_gather_rows`.
    """

    families: Tensor

    def __init__(self, config: TrainingConfig, families: list[int]) -> None:
        """Initialise all weights from torch's generator.

        Args:
            config: The run.
            families: The family of every instrument in the pool as a number, -1 for none.

        Raises:
            DataError: Families are to be told apart, and no instrument has one.
        """
        super().__init__()
        self.config = config
        self.weights = config.active_losses
        if "family_classes" in self.weights and max(families) < 0:
            raise DataError(
                "family_classes needs instruments with families, and none of these has one; add "
                "a source that has, or another loss."
            )
        needs = {need for name in self.weights for need in LOSSES[name].needs}
        self.network = TimbreNetwork(config.encoder)
        size = config.encoder.hidden_size
        self.log_temperature = nn.Parameter(
            torch.tensor(PAPER_TEMPERATURE).log(),
            requires_grad=config.learn_temperature and "temperature" in needs,
        )
        self.register_buffer("families", torch.tensor(families), persistent=False)
        self.proxies = (
            nn.Parameter(_PROXY_SCALE * torch.randn(len(families), size))
            if "proxies" in needs
            else None
        )
        n_classes = {"family_classes": max(families) + 1, "instrument_classes": len(families)}
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.LayerNorm(size), nn.Linear(size, n))
                for name, n in n_classes.items()
                if name in self.weights
            }
        )
        # Spare optimiser and processes what no loss reaches.
        if self.network.family_queries is not None:
            self.network.family_queries.requires_grad_("queries" in needs)
        if self.network.mixture_ast is not None and config.task == "pairs":
            self.network.mixture_ast.requires_grad_(False)
        if config.freeze_notes:
            self.network.ast.requires_grad_(False)
        self.train()

    @property
    def temperature(self) -> Tensor:
        """The divisor of cosines, kept within bounds."""
        return self.log_temperature.exp().clamp(*_TEMPERATURES)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all parts but frozen notes, which are embedded without dropout."""
        super().train(mode)
        if self.config.freeze_notes:
            self.network.ast.eval()
        return self

    def forward(self, batch: PairBatch | MixtureBatch) -> dict[str, Tensor]:
        """Return every loss that has a weight, by name, and their weighted sum as `loss`."""
        embedded = self._embed(batch)
        with torch.autocast(embedded.notes.device.type, enabled=False):
            losses = {name: LOSSES[name].compute(embedded) for name in self.weights}
        total = torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()
        return {**losses, "loss": total}

    def _embed(self, batch: PairBatch | MixtureBatch) -> Embedded:
        notes = all_gather_rows(self._embed_notes(batch.notes.flatten(0, -2)))
        if isinstance(batch, PairBatch):
            instruments = all_gather_rows(batch.instruments.repeat_interleave(2))
            mixtures = answers = notes[:0]
            owners = queries = instruments[:0]
        else:
            instruments = all_gather_rows(batch.instruments)
            heard = self.network.listen(self.network.features(batch.mixtures))
            mixtures = all_gather_rows(heard.overall.float())
            # Stems without a query take the row of zeros that is put behind the last one.
            padded = pad(heard.embeddings.float(), (0, 0, 0, 1))
            answers = all_gather_rows(padded[batch.owners, batch.queries])
            owners = all_gather_indices(batch.owners, len(batch.mixtures))
            queries = all_gather_rows(batch.queries)
        return Embedded(
            notes=notes,
            instruments=instruments,
            families=self.families[instruments],
            temperature=self.temperature,
            heads=dict(self.heads.items()),
            proxies=notes[:0] if self.proxies is None else self.proxies,
            mixtures=mixtures,
            owners=owners,
            answers=answers,
            is_asked=queries >= 0,
        )

    def _embed_notes(self, notes: Tensor) -> Tensor:
        """Embed waveforms (N, T) as raw vectors (N, D) in float32."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_notes):
            raw: Tensor = self.network.embed_notes(self.network.features(notes)).float()
        return raw
