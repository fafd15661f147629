"""Batches in, losses out: the part of a run that has weights."""

import torch
from torch import Tensor, nn

from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce, query_infonce
from cir.losses.pair_infonce import PAPER_TEMPERATURE, pair_infonce
from cir.losses.proxies import proxy_cross_entropy
from cir.model.network import TimbreNetwork
from cir.training.batches import MixtureBatch, PairBatch
from cir.training.config import TrainingConfig

#: Only a proxy's direction counts; a short one turns faster under Adam's steps of fixed size.
_PROXY_SCALE = 0.1


class Objective(nn.Module):
    """The network, a learned temperature, and one proxy per training instrument."""

    def __init__(self, config: TrainingConfig, n_instruments: int) -> None:
        """Fresh weights from torch's generator."""
        super().__init__()
        self.config = config
        self.network = TimbreNetwork(config.encoder)
        self.log_temperature = nn.Parameter(torch.tensor(PAPER_TEMPERATURE).log())
        self.proxies = nn.Parameter(
            _PROXY_SCALE * torch.randn(n_instruments, config.encoder.hidden_size)
        )

    @property
    def temperature(self) -> Tensor:
        """Kept away from 0, where cosines would overflow and gradients vanish."""
        return self.log_temperature.exp().clamp(0.02, 1.0)

    def forward(self, batch: PairBatch | MixtureBatch) -> dict[str, Tensor]:
        """Every loss by name, and their weighted sum as `loss`."""
        if isinstance(batch, PairBatch):
            losses = self._pair_losses(batch)
        else:
            losses = self._mixture_losses(batch)
        weights = self.config.losses
        losses["loss"] = sum(
            (getattr(weights, name) * value for name, value in losses.items()), torch.zeros(())
        )
        return losses

    def _pair_losses(self, batch: PairBatch) -> dict[str, Tensor]:
        notes = self._embed_notes(batch.notes)  # (P, 2, D)
        with torch.autocast(notes.device.type, enabled=False):
            return {
                "infonce": pair_infonce(notes[:, 0], notes[:, 1], self.temperature),
                "note_proxies": proxy_cross_entropy(
                    notes.flatten(0, 1), self.proxies, batch.instruments.repeat_interleave(2)
                ),
            }

    def _mixture_losses(self, batch: MixtureBatch) -> dict[str, Tensor]:
        notes = self._embed_notes(batch.notes)  # (N, S, D)
        noted = slice(len(notes))
        answers = self.network.embed_mixtures(self.network.features(batch.mixtures)).float()
        rows = torch.arange(len(answers), device=answers.device).unsqueeze(1)
        queries = answers[rows, batch.families]  # (B, S, D)
        with torch.autocast(notes.device.type, enabled=False):
            losses = {
                "infonce": query_infonce(queries[noted], notes, self.temperature),
                "note_proxies": proxy_cross_entropy(
                    notes.flatten(0, 1), self.proxies, batch.instruments[noted].flatten()
                ),
                "query_proxies": proxy_cross_entropy(
                    queries.flatten(0, 1), self.proxies, batch.instruments.flatten()
                ),
            }
            if self.config.losses.mix_infonce:
                losses["mix_infonce"] = mix_infonce(answers[noted, 0], notes, self.temperature)
            if self.config.losses.full_triplet:
                losses["full_triplet"] = full_triplet(answers[noted, 0], notes)
            return losses

    def _embed_notes(self, notes: Tensor) -> Tensor:
        """Waveforms (A, B, T) to raw embeddings (A, B, D), float32."""
        features = self.network.features(notes.flatten(0, 1))
        return self.network.embed_notes(features).float().view(*notes.shape[:2], -1)
