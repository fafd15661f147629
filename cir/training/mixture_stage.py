"""The second stage: the answer of each family query in a mixture is found among the notes."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import (
    avg_pool2d,
    binary_cross_entropy_with_logits,
    cross_entropy,
    normalize,
)

from cir.audio.log_frequency import bring_to_level
from cir.model.conv_ast import ConvAst
from cir.model.heads import Heard
from cir.model.network_config import CELL
from cir.training.batch_norms import count_statistics
from cir.training.mixture_batches import MixtureBatch, MixtureSampler
from cir.training.mixture_validation import MixtureValidation
from cir.training.note_batches import frame_seconds
from cir.training.stage import NetworkStage, StageConfig

FIRST_SCALE = 15.0
_LARGEST_SCALE = 40.0
_BATCH = 512
_REFERENCE_SHARE = 0.5
_PRESENCE_WEIGHT = 0.1
_SHARES_WEIGHT = 0.2
_SILENT_CELL = 1e-6
"""Cells 60 dB below the loudest of their mixture do not count."""


class MixtureStage(NetworkStage):
    """Trains the mixture encoder against the note encoder, which stays as it is.

    An answer is classified among the notes of all training instruments of its family and of recast
    instruments, of this batch and of earlier ones: the note encoder is frozen, so that old
    embeddings stay valid. Recast instruments occur once, so that they cannot be learned by heart.
    """

    def __init__(
        self,
        network: ConvAst,
        sampler: MixtureSampler,
        config: StageConfig,
        validation: MixtureValidation,
        *,
        paper_families: tuple[str, ...],
        paper_share: float,
        queue_size: int,
        seed: int,
        n_counted_batches: int,
        precision: torch.dtype,
        fit: Callable[[ConvAst], None] | None = None,
    ) -> None:
        assert network.mixtures is not None and network.family_head is not None
        super().__init__(
            network,
            [*network.mixtures.named_parameters(), *network.family_head.named_parameters()],
            config,
            validation,
            log_scale=math.log(FIRST_SCALE),
            precision=precision,
        )
        self.sampler = sampler
        self.paper_families = paper_families
        self.paper_share = paper_share
        self.batch_size = sampler.n_mixtures
        self._fit = fit
        self._n_counted_batches = n_counted_batches
        network.notes.requires_grad_(False)
        network.note_head.requires_grad_(False)
        size = network.config.embedding_size
        self._notes = self._embed_pool()
        device = sampler.pool.device
        made = torch.Generator(device).manual_seed(seed)
        self._made = {
            family: normalize(torch.randn(queue_size, size, generator=made, device=device), dim=-1)
            for family in network.config.families
        }

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Stage`."""
        return self.losses_of(self._draw_families(generator), generator)

    def losses_of(self, families: tuple[str, ...], generator: torch.Generator) -> dict[str, Tensor]:
        """Draw mixtures of these families and return the losses, which are added up."""
        self.network.train()
        self.network.notes.eval()
        self.network.note_head.eval()
        batch = self.sampler.draw(families, generator)
        made = self._embed_made(batch, generator)
        mixtures, head = self.network.mixtures, self.network.family_head
        assert mixtures is not None and head is not None
        with self.autocast():
            tokens = mixtures(batch.levels)
            heard = head(tokens)
            mask_logits = head.mask_logits(tokens)
        return {
            "answers": self._answer_loss(batch, heard, made, generator),
            "presence": _PRESENCE_WEIGHT * self._presence_loss(batch, heard),
            "shares": _SHARES_WEIGHT * self._shares_loss(batch, mask_logits),
        }

    def _mixtures_to_count(self) -> Iterator[Tensor]:
        """Draw the same mixtures every time, of families as in training."""
        sampler = replace(self.sampler, recast_share=0.0)
        generator = torch.Generator(sampler.pool.device)
        for number in range(self._n_counted_batches):
            generator.manual_seed(number)
            yield sampler.draw(self._draw_families(generator), generator).levels

    def validate(self) -> dict[str, float]:
        """See `Stage`; the statistics of batch norms are counted before."""
        drawn = list(self._mixtures_to_count())
        with self.autocast():
            count_statistics(self.network, drawn)
        return super().validate()

    def finish(self) -> dict[str, float]:
        """See `Stage`; fits the network and validates it once more."""
        if self._fit is None:
            return {}
        self._fit(self.network)
        return self.validation.run(self.network)

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Stage`; embeds the pool anew if the note encoder changes."""
        is_same = all(
            torch.equal(value, tensors[name].to(value.device))
            for name, value in self._note_weights().items()
        )
        super().load_state(tensors)
        if not is_same:
            self._notes = self._embed_pool()

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Stage`; keeps the note encoder of this run."""
        self.load_state({**tensors, **self._note_weights()})

    def _note_weights(self) -> dict[str, Tensor]:
        return {
            name: value
            for name, value in self.network.state_dict().items()
            if name.startswith(("notes.", "note_head."))
        }

    def _draw_families(self, generator: torch.Generator) -> tuple[str, ...]:
        """Draw the paper's families, or two to five of all that have instruments, uniformly."""
        # Drawn by the host from the same seed, for asking the device would mean to wait for it.
        draws = np.random.default_rng(generator.initial_seed())
        if draws.random() < self.paper_share:
            return self.paper_families
        return self.draw_others(draws)

    def draw_others(self, draws: np.random.Generator) -> tuple[str, ...]:
        """Draw two to five of all families that have instruments."""
        known = [
            one for one in self.network.config.families if len(self.sampler.pool.of_family(one))
        ]
        order = draws.permutation(len(known))[: draws.integers(2, 6)]
        return tuple(known[number] for number in order)

    def _draw_notes(self, instruments: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one note for each instrument, as a database has one reference note."""
        return self.sampler.pool.any_note(instruments, generator, reference_share=_REFERENCE_SHARE)

    @torch.inference_mode()
    def _embed_notes(self, levels: Tensor) -> Tensor:
        with self.autocast():
            embeddings = self.network.embed_once(bring_to_level(levels))
        return normalize(embeddings.float(), dim=-1)

    def _embed_pool(self) -> Tensor:
        """Embed every note of the pool, (N, E)."""
        self.network.notes.eval()
        self.network.note_head.eval()
        n_frames = self.network.config.note_frames
        levels = self.sampler.pool.levels
        parts = [
            self._embed_notes(part[:, :n_frames].float()) for part in torch.split(levels, _BATCH)
        ]
        return torch.cat(parts).clone()

    def _embed_made(self, batch: MixtureBatch, generator: torch.Generator) -> Tensor:
        """Embed a note of each recast instrument, recast by the same chain, (R, S, E)."""
        n_frames = self.network.config.note_frames
        instruments = batch.instruments.gather(0, batch.remade).flatten()
        if not len(instruments):
            return self._notes.new_zeros(*batch.remade.shape, self._notes.shape[1])
        rows = self._draw_notes(instruments, generator)
        seconds = frame_seconds(n_frames, self.sampler.bands, rows.device)
        levels = self.sampler.pool.notes(rows, n_frames)
        made = self._embed_notes(batch.recasts.apply(levels, seconds, self.sampler.bands))
        return made.view(*batch.remade.shape, -1).clone()

    def _answer_loss(
        self, batch: MixtureBatch, heard: Heard, made: Tensor, generator: torch.Generator
    ) -> Tensor:
        families = self.network.config.families
        scale = self.log_scale.clamp(max=math.log(_LARGEST_SCALE)).exp()
        answers = normalize(heard.embeddings.float(), dim=-1)
        losses = []
        for column, family in enumerate(batch.families):
            group = self.sampler.pool.of_family(family)
            rows = self._draw_notes(group, generator)
            own = made[:, column]
            candidates = torch.cat([self._notes[rows], own, self._made[family]])
            numbers = len(group) + torch.arange(len(own), device=own.device)
            targets = batch.members[:, column].scatter(0, batch.remade[:, column], numbers)
            targets = targets.masked_fill(~batch.audible[:, column], -100)
            logits = scale * answers[:, families.index(family)] @ candidates.T
            missed = cross_entropy(logits, targets, reduction="sum")
            losses.append(missed / batch.audible[:, column].sum().clamp_min(1))
            self._keep(family, own)
        return torch.stack(losses).mean()

    def _keep(self, family: str, made: Tensor) -> None:
        """Replace the oldest recast candidates of a family."""
        queue = self._made[family]
        if len(queue) and len(made):
            kept = made[: len(queue)]
            queue.copy_(torch.cat([queue[len(kept) :], kept]))

    def _presence_loss(self, batch: MixtureBatch, heard: Heard) -> Tensor:
        families = self.network.config.families
        plays = torch.zeros_like(heard.presence, dtype=torch.float32)
        for column, family in enumerate(batch.families):
            plays[:, families.index(family)] = batch.audible[:, column].float()
        return binary_cross_entropy_with_logits(heard.presence.float(), plays)

    def _shares_loss(self, batch: MixtureBatch, logits: Tensor) -> Tensor:
        """Cross-entropy of each cell against the shares of the stems in its energy."""
        families = self.network.config.families
        energies = avg_pool2d(batch.stem_power, CELL)  # (B, S, cells along time, along frequency)
        total = energies.sum(1, keepdim=True)
        shares = torch.zeros_like(logits, dtype=torch.float32)
        for column, family in enumerate(batch.families):
            own = energies[:, column : column + 1] / total.clamp_min(1e-30)
            shares[:, families.index(family)] = own.squeeze(1)
        counts = (total > _SILENT_CELL * total.amax((-2, -1), keepdim=True)).float().squeeze(1)
        missed = -(shares * logits.float().log_softmax(1)).sum(1)
        return (missed * counts).sum() / counts.sum().clamp_min(1)
