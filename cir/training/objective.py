"""Batches in, losses out: the part of a run that has weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from cir.errors import DataError
from cir.losses.cosine_to_targets import cosine_to_targets
from cir.losses.full_infonce import full_infonce
from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce
from cir.losses.mix_triplet import mix_triplet
from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from cir.losses.proxies import proxy_cross_entropy
from cir.losses.query_infonce import query_infonce
from cir.model.network import TimbreNetwork
from cir.training.batches import MixtureBatch, PairBatch
from cir.training.config import TEMPERATURES, TrainingConfig
from cir.training.gather import gather_indices, gather_rows

#: Only a proxy's direction counts; a short one turns faster under Adam's steps of fixed size.
_PROXY_SCALE = 0.1
_NO_CLASS = -1


@dataclass(frozen=True)
class _Pairs:
    """Gathered embeddings of all processes' pairs."""

    notes: Tensor  # (P, 2, D)
    instruments: Tensor  # (P,)


@dataclass(frozen=True)
class _Mixes:
    """Gathered embeddings of all processes' mixtures, and of a note of each of their S stems."""

    pooled: Tensor  # (B, D)
    answers: Tensor  # of each stem's family query, (S, D); of nothing where there is none
    notes: Tensor  # (S, D)
    owners: Tensor  # (S,)
    queries: Tensor  # (S,)
    instruments: Tensor  # (S,)


class Objective(nn.Module):
    """The network and what its losses learn beside it: temperature, classes, proxies.

    Losses see the embeddings of all processes; see `gather_rows`.
    """

    families: Tensor

    def __init__(self, config: TrainingConfig, families: list[int]) -> None:
        """Fresh weights from torch's generator.

        Args:
            config: The run.
            families: The family of every instrument in the pool as a number, -1 for none.

        Raises:
            DataError: Families are to be told apart, and no instrument has one.
        """
        super().__init__()
        if config.losses.family_classes and max(families) < 0:
            raise DataError(
                "family_classes needs instruments with families, and none of these has one; add "
                "a source that has, or another loss."
            )
        self.config = config
        self.weights = config.losses.active
        self.network = TimbreNetwork(config.encoder)
        size = config.encoder.hidden_size
        log_temperature = torch.tensor(config.temperature).log()
        self.log_temperature = nn.Parameter(log_temperature, requires_grad=config.learn_temperature)
        self.register_buffer("families", torch.tensor(families), persistent=False)
        self.proxies = (
            nn.Parameter(_PROXY_SCALE * torch.randn(len(families), size))
            if {"note_proxies", "query_proxies"} & self.weights.keys()
            else None
        )
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.LayerNorm(size), nn.Linear(size, n_classes))
                for name, n_classes in (
                    ("family_classes", max(families) + 1),
                    ("instrument_classes", len(families)),
                )
                if name in self.weights
            }
        )
        self._freeze_idle()
        self.train()

    @property
    def temperature(self) -> Tensor:
        """Kept within what a configuration may ask for."""
        return self.log_temperature.exp().clamp(*TEMPERATURES)

    def train(self, mode: bool = True) -> Self:
        """Frozen notes are embedded without dropout, in training too."""
        super().train(mode)
        if self.config.freeze_notes:
            self.network.ast.eval()  # type: ignore[no-untyped-call]
        return self

    def forward(self, batch: PairBatch | MixtureBatch) -> dict[str, Tensor]:
        """Every loss that has a weight, by name, and their weighted sum as `loss`."""
        if isinstance(batch, PairBatch):
            pairs = self._embed_pairs(batch)
            with torch.autocast(batch.notes.device.type, enabled=False):
                losses = self._pair_losses(pairs)
        else:
            mixes = self._embed_mixtures(batch)
            with torch.autocast(batch.mixtures.device.type, enabled=False):
                losses = self._mixture_losses(mixes)
        total = torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()
        return {**losses, "loss": total}

    def _freeze_idle(self) -> None:
        """Spare optimiser and processes what no loss reaches."""
        names = set(self.weights)
        head = self.network.family_queries
        if head is not None:
            head.requires_grad_(any(name.startswith("query_") for name in names))
        if self.network.mixture_ast is not None and self.config.task == "pairs":
            self.network.mixture_ast.requires_grad_(False)
        if self.config.freeze_notes:
            self.network.ast.requires_grad_(False)
        if not any(name.endswith("infonce") for name in names):
            self.log_temperature.requires_grad_(False)

    def _embed_pairs(self, batch: PairBatch) -> _Pairs:
        notes = self._embed_notes(batch.notes.flatten(0, 1)).view(*batch.notes.shape[:2], -1)
        return _Pairs(gather_rows(notes), gather_rows(batch.instruments))

    def _embed_mixtures(self, batch: MixtureBatch) -> _Mixes:
        notes = self._embed_notes(batch.notes)
        heard = self.network.listen(self.network.features(batch.mixtures))
        # Stems without a query take the row of zeros that is put behind the last one.
        answers = pad(heard.embeddings.float(), (0, 0, 0, 1))[batch.owners, batch.queries]
        return _Mixes(
            pooled=gather_rows(heard.overall.float()),
            answers=gather_rows(answers),
            notes=gather_rows(notes),
            owners=gather_indices(batch.owners, len(batch.mixtures)),
            queries=gather_rows(batch.queries),
            instruments=gather_rows(batch.instruments),
        )

    def _embed_notes(self, notes: Tensor) -> Tensor:
        """Waveforms (N, T) to raw embeddings (N, D), float32."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_notes):
            raw: Tensor = self.network.embed_notes(self.network.features(notes)).float()
        return raw

    def _pair_losses(self, pairs: _Pairs) -> dict[str, Tensor]:
        first, second = pairs.notes[:, 0], pairs.notes[:, 1]
        choices: dict[str, Callable[[], Tensor]] = {
            "pair_triplet": lambda: pair_triplet(first, second),
            "pair_infonce": lambda: pair_infonce(first, second, self.temperature),
        }
        notes = pairs.notes.flatten(0, 1)
        instruments = pairs.instruments.repeat_interleave(pairs.notes.shape[1])
        losses = {name: choices[name]() for name in self.weights if name in choices}
        return losses | self._note_losses(notes, instruments)

    def _mixture_losses(self, mixes: _Mixes) -> dict[str, Tensor]:
        temperature, owners = self.temperature, mixes.owners
        asked = mixes.queries >= 0  # stems whose family has a query
        answers, notes, played = mixes.answers[asked], mixes.notes[asked], mixes.instruments[asked]
        # A batch may ask nothing of any query; a mean over nothing would not be a number.
        nothing = mixes.answers.sum() * 0
        choices: dict[str, Callable[[], Tensor]] = {
            "mix_triplet": lambda: mix_triplet(mixes.pooled, mixes.notes, owners),
            "full_triplet": lambda: full_triplet(mixes.pooled, mixes.notes, owners),
            "mix_infonce": lambda: mix_infonce(mixes.pooled, mixes.notes, owners, temperature),
            "full_infonce": lambda: full_infonce(mixes.pooled, mixes.notes, owners, temperature),
            "query_infonce": lambda: query_infonce(answers, notes, temperature),
            "query_triplet": lambda: full_triplet(
                answers, notes, torch.arange(len(notes), device=notes.device)
            ),
            "query_proxies": lambda: proxy_cross_entropy(answers, self._proxies(), played),
            "query_targets": lambda: cosine_to_targets(answers, notes),
        }
        if not len(answers):
            silent = ("query_infonce", "query_targets", "query_proxies")
            choices |= {name: lambda: nothing for name in silent}
        losses = {name: choices[name]() for name in self.weights if name in choices}
        return losses | self._note_losses(mixes.notes, mixes.instruments)

    def _note_losses(self, notes: Tensor, instruments: Tensor) -> dict[str, Tensor]:
        families = self.families[instruments]
        choices: dict[str, Callable[[], Tensor]] = {
            "family_classes": lambda: (
                cross_entropy(
                    self.heads["family_classes"](notes),
                    families,
                    ignore_index=_NO_CLASS,
                    reduction="sum",
                )
                / (families != _NO_CLASS).sum().clamp_min(1)
            ),
            "instrument_classes": lambda: cross_entropy(
                self.heads["instrument_classes"](notes), instruments
            ),
            "note_proxies": lambda: proxy_cross_entropy(notes, self._proxies(), instruments),
        }
        return {name: choices[name]() for name in self.weights if name in choices}

    def _proxies(self) -> Tensor:
        assert self.proxies is not None  # made where a weight asks for it
        return self.proxies
