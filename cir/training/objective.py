"""Batches in, losses out: the part of a run that has weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, pad

from cir.errors import DataError
from cir.losses.cosine_to_targets import cosine_to_targets
from cir.losses.full_infonce import full_infonce
from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce
from cir.losses.mix_triplet import mix_triplet
from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from cir.losses.presence import presence_loss
from cir.losses.proxies import proxy_cross_entropy
from cir.losses.query_infonce import query_infonce
from cir.losses.slot_infonce import slot_infonce
from cir.losses.slot_matching import slot_matching
from cir.losses.stem_shares import stem_shares
from cir.losses.supervised_contrastive import supervised_contrastive
from cir.model.ast import take_patches
from cir.model.cells import audible_cells, family_energies
from cir.model.network import TimbreNetwork
from cir.training.batches import MixtureBatch, PairBatch
from cir.training.config import TEMPERATURES, TrainingConfig
from cir.training.gather import gather_indices, gather_rows
from cir.training.memory_queue import MemoryQueue
from cir.training.patch_dropout import keep_patches
from cir.training.spec_augment import blank_stripes

#: Only a proxy's direction counts; a short one turns faster under Adam's steps of fixed size.
_PROXY_SCALE = 0.1
_NO_CLASS = -1


@dataclass(frozen=True)
class _Pairs:
    """Gathered embeddings of all processes' pairs, or of more notes of each instrument."""

    notes: Tensor  # (P, 2 or more, D)
    instruments: Tensor  # (P,)


@dataclass(frozen=True)
class _Mixes:
    """Gathered embeddings of all processes' mixtures, their S stems and M notes."""

    pooled: Tensor  # (B, D)
    answers: Tensor  # of each stem's family query, (S, D); of nothing where there is none
    presence: Tensor  # logits of all family queries, (B, F)
    slots: Tensor  # (B, K, D)
    slot_presence: Tensor  # logits, (B, K)
    notes: Tensor  # (M, D)
    owners: Tensor  # (S,)
    queries: Tensor  # (S,)
    instruments: Tensor  # (S,)
    noted: Tensor  # bool, (S,)
    cell_logits: Tensor  # of the families in C cells that sound, (C, F + 1)
    cell_shares: Tensor  # (C, F + 1)


class Objective(nn.Module):
    """The network and what its losses learn beside it: temperature, classes, proxies, a queue.

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
        self.queue = MemoryQueue(config.queue_size, size) if config.queue_size else None
        self._freeze_idle()
        self.train()

    @torch.no_grad()
    def aim_proxies(self, embeddings: Tensor) -> None:
        """Let the proxies start at an embedding of each instrument, (K, D), not anywhere.

        A network that has learned already would be led astray by proxies that have not.
        """
        if self.proxies is not None:
            scale = _PROXY_SCALE * math.sqrt(embeddings.shape[1])
            self.proxies.copy_(scale * normalize(embeddings, dim=-1))

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
        if self.config.task == "mixtures" and "supervised_contrastive" in names:
            names.add("query_contrastive")  # it reaches the answers of the family queries, too
        heads = (
            (self.network.family_queries, "query_", "query_presence"),
            (self.network.open_slots, "slot_", "slot_presence"),
        )
        for head, prefix, presence in heads:
            if head is None:
                continue
            head.requires_grad_(any(name.startswith(prefix) for name in names))
            if head.presence is not None:
                head.presence.requires_grad_(presence in names)
        if self.network.cell_head is not None:
            self.network.cell_head.requires_grad_("stem_shares" in names)
        if self.network.mixture_ast is not None and self.config.task == "pairs":
            self.network.mixture_ast.requires_grad_(False)
        if self.config.freeze_notes:
            self.network.ast.requires_grad_(False)
        if not any(name.endswith(("infonce", "contrastive")) for name in names):
            self.log_temperature.requires_grad_(False)

    def _embed_pairs(self, batch: PairBatch) -> _Pairs:
        notes = self._embed_notes(batch.notes.flatten(0, 1)).view(*batch.notes.shape[:2], -1)
        return _Pairs(gather_rows(notes), gather_rows(batch.instruments))

    def _embed_mixtures(self, batch: MixtureBatch) -> _Mixes:
        notes = self._embed_notes(batch.notes)
        features = self.network.features(batch.mixtures)
        if self.training and self.config.blank_stripes:
            features = blank_stripes(features, self.config.blank_stripes)
        kept = self._keep(features, self.config.mixture_patch_dropout)
        tokens = self.network.read(features, kept)
        output = self.network.answer(tokens)
        # Stems without a query take the row of zeros that is put behind the last one.
        answers = pad(output.queries.float(), (0, 0, 0, 1))[batch.owners, batch.queries]
        cells = None if self.network.cell_head is None else self.network.cell_logits(tokens)
        if cells is not None and self.config.encoder.second_look:
            asked = (batch.queries >= 0).nonzero().squeeze(1)
            again = self.network.look_again(
                features, cells, batch.owners[asked], batch.queries[asked]
            )
            answers = answers.index_copy(0, asked, (answers[asked] + again.float()) / 2)
        cell_logits, cell_shares = self._compare_cells(batch, cells, kept)
        return _Mixes(
            pooled=gather_rows(output.pooled.float()),
            answers=gather_rows(answers),
            presence=gather_rows(output.query_presence.float()),
            slots=gather_rows(output.slots.float()),
            slot_presence=gather_rows(output.slot_presence.float()),
            notes=gather_rows(notes),
            owners=gather_indices(batch.owners, len(batch.mixtures)),
            queries=gather_rows(batch.queries),
            instruments=gather_rows(batch.instruments),
            noted=gather_rows(batch.noted),
            cell_logits=gather_rows(cell_logits),
            cell_shares=gather_rows(cell_shares),
        )

    def _keep(self, features: Tensor, dropout: float) -> Tensor | None:
        """The patches of each clip that are read in this pass; None: all."""
        if not (self.training and dropout):
            return None
        return keep_patches(features, self.config.encoder, dropout)

    def _compare_cells(
        self, batch: MixtureBatch, logits: Tensor | None, kept: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What the network says of the cells that sound, and what is true, both (C, F + 1)."""
        n_families = len(self.config.encoder.families) + 1
        if logits is None or batch.stems is None:
            nothing = batch.mixtures.new_zeros(0, n_families)
            return nothing, nothing
        energies = family_energies(
            batch.stems, batch.owners, batch.queries, len(batch.mixtures), self.config.encoder
        )
        audible = audible_cells(energies)
        if kept is not None:
            energies, audible = take_patches(energies, kept), take_patches(audible, kept)
        heard = energies[audible]
        return logits[audible], heard / heard.sum(-1, keepdim=True)

    def _embed_notes(self, notes: Tensor) -> Tensor:
        """Waveforms (N, T) to raw embeddings (N, D), float32."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_notes):
            features = self.network.features(notes)
            kept = self._keep(features, self.config.note_patch_dropout)
            raw: Tensor = self.network.embed_notes(features, kept).float()
        return raw

    def _pair_losses(self, pairs: _Pairs) -> dict[str, Tensor]:
        first, second = pairs.notes[:, 0], pairs.notes[:, 1]
        extra, extra_mask = self._queued(pairs.instruments)
        choices: dict[str, Callable[[], Tensor]] = {
            "pair_triplet": lambda: pair_triplet(first, second),
            "pair_infonce": lambda: pair_infonce(
                first, second, self.temperature, extra=extra, extra_mask=extra_mask
            ),
            "supervised_contrastive": lambda: supervised_contrastive(
                notes, instruments, self.temperature
            ),
        }
        notes = pairs.notes.flatten(0, 1)
        instruments = pairs.instruments.repeat_interleave(pairs.notes.shape[1])
        losses = {name: choices[name]() for name in self.weights if name in choices}
        losses |= self._note_losses(notes, instruments)
        self._push(second, pairs.instruments)
        return losses

    def _mixture_losses(self, mixes: _Mixes) -> dict[str, Tensor]:
        noted, temperature = mixes.noted, self.temperature
        owners, instruments = mixes.owners[noted], mixes.instruments[noted]
        asked = mixes.queries >= 0
        heard = asked[noted]  # notes whose family has a query
        answers, notes = mixes.answers[noted][heard], mixes.notes[heard]
        all_answers, answerers = mixes.answers[asked], mixes.instruments[asked]
        # Mixtures without notes would be negatives and never a positive: leave them out.
        pooled, owners = _only_owners(mixes.pooled, owners)
        same_mix = self.config.same_mix_negatives
        extra, extra_mask = self._queued(instruments[heard])
        # A batch may ask nothing of any query; a mean over nothing would not be a number.
        nothing = mixes.answers.sum() * 0
        choices: dict[str, Callable[[], Tensor]] = {
            "mix_triplet": lambda: mix_triplet(
                pooled, mixes.notes, owners, same_mix_negatives=same_mix
            ),
            "full_triplet": lambda: full_triplet(
                pooled, mixes.notes, owners, same_mix_negatives=same_mix
            ),
            "mix_infonce": lambda: mix_infonce(pooled, mixes.notes, owners, temperature),
            "full_infonce": lambda: full_infonce(pooled, mixes.notes, owners, temperature),
            "query_infonce": lambda: query_infonce(
                answers, notes, temperature, extra=extra, extra_mask=extra_mask
            ),
            "query_triplet": lambda: full_triplet(
                answers, notes, torch.arange(len(notes), device=notes.device)
            ),
            "query_proxies": lambda: proxy_cross_entropy(all_answers, self._proxies(), answerers),
            "query_presence": lambda: presence_loss(
                mixes.presence,
                _hits(mixes.presence, mixes.owners[asked], mixes.queries[asked]),
            ),
            "query_targets": lambda: cosine_to_targets(answers, notes),
            "stem_shares": lambda: stem_shares(mixes.cell_logits, mixes.cell_shares),
            "supervised_contrastive": lambda: supervised_contrastive(
                torch.cat([all_answers, mixes.notes]),
                torch.cat([answerers, instruments]),
                temperature,
            ),
        }
        if not len(answers):
            choices |= {name: lambda: nothing for name in ("query_infonce", "query_targets")}
        if not len(all_answers):
            choices["query_proxies"] = lambda: nothing
        losses = {name: choices[name]() for name in self.weights if name in choices}
        if {"slot_infonce", "slot_presence"} & self.weights.keys():
            losses |= self._slot_losses(mixes)
        losses |= self._note_losses(mixes.notes, instruments)
        self._push(mixes.notes, instruments)
        return losses

    def _slot_losses(self, mixes: _Mixes) -> dict[str, Tensor]:
        """Only of mixtures that come with notes: without them no slot can be matched."""
        owners = mixes.owners[mixes.noted]
        slots, local = _only_owners(mixes.slots, owners)
        logits, _ = _only_owners(mixes.slot_presence, owners)
        matching = slot_matching(slots, mixes.notes, local)
        choices: dict[str, Callable[[], Tensor]] = {
            "slot_infonce": lambda: slot_infonce(
                slots, mixes.notes, local, matching, self.temperature
            ),
            "slot_presence": lambda: presence_loss(logits, _hits(logits, local, matching)),
        }
        return {name: choices[name]() for name in self.weights if name in choices}

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

    def _queued(self, instruments: Tensor) -> tuple[Tensor | None, Tensor | None]:
        return (None, None) if self.queue is None else self.queue.negatives_for(instruments)

    def _push(self, notes: Tensor, instruments: Tensor) -> None:
        if self.queue is not None and self.training:
            self.queue.push(notes, instruments)


def _only_owners(rows: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
    """The mixtures (B, ...) that own a note, and the notes' owners counted among them."""
    present, local = torch.unique(owners, return_inverse=True)
    return rows[present], local


def _hits(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """True at (row, column), False elsewhere, as large as `logits`."""
    hits = torch.zeros_like(logits, dtype=torch.bool)
    hits[rows, columns] = True
    return hits
