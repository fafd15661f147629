"""The first stage: notes of one instrument are brought together, those of others apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cir.losses.supervised_contrastive import supervised_contrastive
from cir.metrics import accuracies, target_ranks
from cir.model.conv_ast import ConvAst
from cir.training.feature_cache import FeatureCache
from cir.training.note_batches import NoteBatch, NoteSampler
from cir.training.stage import NetworkStage, StageConfig

FIRST_TEMPERATURE = 0.1
_LOWEST_TEMPERATURE = 0.02
_BATCH = 256


class NoteStage(NetworkStage):
    """Trains the note encoder by supervised contrast, with a learned temperature."""

    def __init__(
        self,
        network: ConvAst,
        sampler: NoteSampler,
        config: StageConfig,
        validation: "NoteValidation",
        *,
        precision: torch.dtype,
    ) -> None:
        super().__init__(
            network,
            [*network.notes.named_parameters(), *network.note_head.named_parameters()],
            config,
            validation,
            log_scale=-math.log(FIRST_TEMPERATURE),
            precision=precision,
        )
        self.sampler = sampler
        self.batch_size = sampler.n_instruments * sampler.notes_per_instrument

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Stage`."""
        return self.losses_of(self.sampler.draw(generator))

    def losses_of(self, batch: NoteBatch) -> dict[str, Tensor]:
        """Return the losses of a batch, which are added up."""
        self.network.train()
        with self.autocast():
            embeddings = self.network.embed_once(batch.levels)
        scale = self.log_scale.clamp(max=-math.log(_LOWEST_TEMPERATURE)).exp()
        return {"contrast": supervised_contrastive(embeddings.float(), batch.labels, 1 / scale)}


@dataclass(frozen=True)
class NoteValidation:
    """Retrieval of held-out instruments, by their other notes, among all reference notes."""

    references: Tensor
    """(R, frames, bands)."""
    queries: Tensor
    """(Q, frames, bands)."""
    targets: Tensor
    """The reference of each query's instrument, (Q,)."""

    @classmethod
    def of(
        cls, caches: Sequence[FeatureCache], n_frames: int, device: str = "cpu"
    ) -> "NoteValidation":
        """Take the references of train and valid instruments, and the valid ones' other notes."""
        references: list[Tensor] = []
        queries: list[Tensor] = []
        targets: list[Tensor] = []
        for cache in caches:
            table = cache.table
            first = table.references
            plays = table.effects_on[table.instruments[first]]
            columns = np.full(len(table.ids), -1)
            columns[table.instruments[first[plays]]] = len(references) + np.arange(plays.sum())
            references += [torch.tensor(cache.levels[row, :n_frames]) for row in first[plays]]
            held_out = (table.splits == "valid")[table.instruments]
            others = np.setdiff1d(np.flatnonzero(held_out), first)
            queries.append(torch.from_numpy(cache.levels[others, :n_frames]))
            targets.append(torch.from_numpy(columns[table.instruments[others]]))
        return cls(
            torch.stack(references).to(device),
            torch.cat(queries).to(device),
            torch.cat(targets).to(device),
        )

    def run(self, network: ConvAst) -> dict[str, float]:
        """Top-1 and top-5 in percent, and the mean reciprocal rank."""
        return accuracy(self.similarities(network), self.targets)

    @torch.inference_mode()
    def similarities(self, network: ConvAst) -> Tensor:
        """Return the cosine of each query with each reference, (Q, R)."""
        network.eval()
        references, queries = (
            embed_levels(network, part) for part in (self.references, self.queries)
        )
        return queries @ references.T


@torch.inference_mode()
def embed_levels(network: ConvAst, levels: Tensor) -> Tensor:
    """Embed stored levels (N, frames, bands) as the network is served: unit vectors (N, E)."""
    parts = [
        normalize(network.embed_notes(part.float()), dim=-1) for part in torch.split(levels, _BATCH)
    ]
    return torch.cat(parts)


def accuracy(similarities: Tensor, targets: Tensor) -> dict[str, float]:
    """Return top-1 and top-5 in percent, and the mean reciprocal rank.

    Args:
        similarities: (Q, R).
        targets: Column of the right reference of each query, (Q,).
    """
    ranks = target_ranks(similarities.numpy(force=True), targets.numpy(force=True))
    shares = accuracies(ranks)
    return {name: share if name == "mrr" else 100 * share for name, share in shares.items()}
