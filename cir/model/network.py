"""The trainable network: log-mels in, raw embeddings out."""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor, nn

from cir.audio.features import log_mel, normalise_peak
from cir.model.ast import build_ast, pool, run_ast
from cir.model.config import EncoderConfig
from cir.model.heads import (
    Answers,
    FamilyQueries,
    InputTokenQueries,
    LinearQueries,
    OpenSlots,
    QueryHead,
)


@dataclass(frozen=True)
class MixtureOutput:
    """All that a network says about a batch of mixtures; nothing in it is normalised.

    What a network does not have is there with length 0.
    """

    pooled: Tensor
    """The paper's one embedding for the whole mixture, (B, D)."""
    queries: Tensor
    """Answers to the family queries in the order of the configuration, (B, families, D)."""
    query_presence: Tensor
    """Logits, (B, families), or (B, 0) where the configuration has no `presence`."""
    slots: Tensor
    """Open slots in no order, (B, slots, D)."""
    slot_presence: Tensor
    """Logits, (B, slots)."""

    @property
    def embeddings(self) -> Tensor:
        """The pooled embedding, then the answers to the family queries, (B, 1 + families, D)."""
        return torch.cat([self.pooled.unsqueeze(1), self.queries], 1)

    @classmethod
    def concatenate(cls, outputs: list[Self]) -> Self:
        """Batches one after the other, on the CPU in full precision."""
        return cls(
            *(
                torch.cat([getattr(output, field.name).float().cpu() for output in outputs])
                for field in fields(cls)
            )
        )


class TimbreNetwork(nn.Module):
    """An AST for notes and mixtures, with the heads that the configuration asks for."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.ast = build_ast(config)
        self.family_queries = _build_family_queries(config) if config.families else None
        self.mixture_ast = None if config.shared_encoder else build_ast(config)
        self.open_slots = (
            OpenSlots(config.n_slots, config.hidden_size, config.n_heads)
            if config.n_slots
            else None
        )

    def set_attention(self, name: str) -> None:
        """Choose transformers' implementation of attention (`eager`, `sdpa`, ...) throughout."""
        for ast in (self.ast, self.mixture_ast):
            if ast is not None:
                ast.set_attn_implementation(name)

    def features(self, audio: Tensor) -> Tensor:
        """Waveforms (B, T) of any level to log-mels (B, F, n_mels), always in full precision."""
        with torch.autocast(audio.device.type, enabled=False):
            return log_mel(
                normalise_peak(audio),
                hop_samples=self.config.hop_samples,
                n_mels=self.config.n_mels,
            )

    def embed_notes(self, features: Tensor) -> Tensor:
        """Log-mels of single instruments (B, F, n_mels) to raw embeddings (B, D)."""
        return pool(run_ast(self.ast, features))

    def listen(self, features: Tensor) -> MixtureOutput:
        """Log-mels of mixtures (B, F, n_mels) to everything that the heads make of them."""
        ast = self.ast if self.mixture_ast is None else self.mixture_ast
        queries = None if self.family_queries is None else self.family_queries.input_tokens
        tokens = run_ast(ast, features, queries)
        pooled = pool(tokens)
        families = _ask(self.family_queries, tokens, pooled)
        slots = _ask(self.open_slots, tokens, pooled)
        return MixtureOutput(
            pooled, families.embeddings, families.presence, slots.embeddings, slots.presence
        )

    def embed_mixtures(self, features: Tensor) -> Tensor:
        """Log-mels of mixtures (B, F, n_mels) to raw embeddings, (B, 1 + families, D).

        The first is the paper's one embedding for the whole mixture, the others answer the family
        queries in the order of the configuration.
        """
        return self.listen(features).embeddings


def _build_family_queries(config: EncoderConfig) -> QueryHead:
    n_families, size = len(config.families), config.hidden_size
    if config.query_kind == "input_tokens":
        return InputTokenQueries(n_families, size, presence=config.presence)
    if config.query_kind == "linear":
        return LinearQueries(n_families, size, presence=config.presence)
    return FamilyQueries(n_families, size, config.n_heads, presence=config.presence)


def _ask(head: QueryHead | None, tokens: Tensor, pooled: Tensor) -> Answers:
    """The head's answers, or none where there is no head."""
    if head is None:
        return Answers(pooled.new_zeros(len(pooled), 0, pooled.shape[-1]), pooled[:, :0])
    answers: Answers = head(tokens, pooled)
    return answers
