"""The losses of the paper's kind by name: with which task, of what, and how each is computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cir.losses.cosine_to_targets import cosine_to_targets
from cir.losses.full_infonce import full_infonce
from cir.losses.full_triplet import full_triplet
from cir.losses.mix_infonce import mix_infonce
from cir.losses.mix_triplet import mix_triplet
from cir.losses.pair_infonce import pair_infonce
from cir.losses.pair_triplet import pair_triplet
from cir.losses.proxies import proxy_cross_entropy

NO_FAMILY = -1
Need: TypeAlias = Literal["temperature", "queries", "proxies", "classes"]


@dataclass(frozen=True)
class Embedded:
    """Raw embeddings of a batch of all processes, and what losses learn beside the network."""

    notes: Tensor
    """Two notes of each pair in succession, or a note of each stem, (N, D)."""
    instruments: Tensor
    """Numbers in the pool, (N,)."""
    families: Tensor
    """Numbers, `NO_FAMILY` for none, (N,)."""
    temperature: Tensor
    heads: Mapping[str, nn.Module]
    """Classifiers of notes, by loss."""
    proxies: Tensor
    """One for each training instrument, (K, D)."""
    mixtures: Tensor
    """(B, D); none in a batch of pairs, as all that follow."""
    owners: Tensor
    """The mixture of each note, (N,)."""
    answers: Tensor
    """Answer of the family query of each note, 0 if its family has no query, (N, D)."""
    is_asked: Tensor
    """Whether the family of each note has a query, (N,)."""

    @property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """First and second notes, (P, D) each."""
        return self.notes[::2], self.notes[1::2]

    @property
    def mixes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mixtures, notes and owners."""
        return self.mixtures, self.notes, self.owners

    @property
    def queries(self) -> tuple[Tensor, Tensor]:
        """Answers of the queries whose family plays, and the notes that they are for, (A, D)."""
        return self.answers[self.is_asked], self.notes[self.is_asked]


@dataclass(frozen=True)
class Loss:
    """An entry of the table."""

    tasks: tuple[str, ...]
    needs: tuple[Need, ...]
    """What it learns beside the note encoder."""
    formula: Callable[[Embedded], Tensor]

    def compute(self, batch: Embedded) -> Tensor:
        """Return a scalar; 0 for queries where no family of the batch has one."""
        if "queries" in self.needs and not batch.is_asked.any():
            return batch.answers.sum() * 0
        return self.formula(batch)


def _classify_families(batch: Embedded) -> Tensor:
    """Mean over the notes that have a family."""
    logits = batch.heads["family_classes"](batch.notes)
    missed = cross_entropy(logits, batch.families, ignore_index=NO_FAMILY, reduction="sum")
    return missed / (batch.families != NO_FAMILY).sum().clamp_min(1)


def _query_triplet(batch: Embedded) -> Tensor:
    """The full triplet loss with each query as a mixture of one note."""
    answers, notes = batch.queries
    return full_triplet(answers, notes, torch.arange(len(notes), device=notes.device))


_PAIRS, _NOTES, _MIXTURES = ("pairs",), ("pairs", "mixtures"), ("mixtures",)

LOSSES: Mapping[str, Loss] = {
    "pair_triplet": Loss(_PAIRS, (), lambda batch: pair_triplet(*batch.pairs)),
    "pair_infonce": Loss(
        _PAIRS, ("temperature",), lambda batch: pair_infonce(*batch.pairs, batch.temperature)
    ),
    # A linear head names the family, or the training instrument, of each note.
    "family_classes": Loss(_NOTES, ("classes",), _classify_families),
    "instrument_classes": Loss(
        _NOTES,
        ("classes",),
        lambda batch: cross_entropy(
            batch.heads["instrument_classes"](batch.notes), batch.instruments
        ),
    ),
    # The same by cosine: one learned point for each training instrument.
    "note_proxies": Loss(
        _NOTES,
        ("proxies",),
        lambda batch: proxy_cross_entropy(batch.notes, batch.proxies, batch.instruments),
    ),
    "mix_triplet": Loss(_MIXTURES, (), lambda batch: mix_triplet(*batch.mixes)),
    "full_triplet": Loss(_MIXTURES, (), lambda batch: full_triplet(*batch.mixes)),
    "mix_infonce": Loss(
        _MIXTURES, ("temperature",), lambda batch: mix_infonce(*batch.mixes, batch.temperature)
    ),
    "full_infonce": Loss(
        _MIXTURES, ("temperature",), lambda batch: full_infonce(*batch.mixes, batch.temperature)
    ),
    "query_infonce": Loss(
        _MIXTURES,
        ("queries", "temperature"),
        lambda batch: pair_infonce(*batch.queries, batch.temperature),
    ),
    "query_triplet": Loss(_MIXTURES, ("queries",), _query_triplet),
    "query_proxies": Loss(
        _MIXTURES,
        ("queries", "proxies"),
        lambda batch: proxy_cross_entropy(
            batch.queries[0], batch.proxies, batch.instruments[batch.is_asked]
        ),
    ),
    # The multi-encoder: each query copies the embedding of a note, without negatives.
    "query_targets": Loss(_MIXTURES, ("queries",), lambda batch: cosine_to_targets(*batch.queries)),
}
