"""The trainable network: log-mels in, raw embeddings out."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor, nn

from cir.audio.features import log_mel, normalise_peak
from cir.model.ast import build_ast, pool, run_ast
from cir.model.cells import CELLS, second_look
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

        self.cell_head = (
            nn.Linear(config.hidden_size, CELLS * (len(config.families) + 1))
            if config.cells
            else None
        )

    def set_attention(self, name: str) -> None:
        """Choose transformers' implementation of attention (`eager`, `sdpa`, ...) throughout."""
        for ast in (self.ast, self.mixture_ast):
            if ast is not None:
                ast.set_attn_implementation(name)

    @property
    def input_tokens(self) -> Tensor | None:
        """Family queries that travel with the patches of a mixture, where they do."""
        return None if self.family_queries is None else self.family_queries.input_tokens

    def features(self, audio: Tensor) -> Tensor:
        """Waveforms (B, T) of any level to log-mels (B, F, n_mels), always in full precision."""
        with torch.autocast(audio.device.type, enabled=False):
            return log_mel(
                normalise_peak(audio),
                hop_samples=self.config.hop_samples,
                n_mels=self.config.n_mels,
            )

    def embed_notes(self, features: Tensor, kept: Tensor | None = None) -> Tensor:
        """Log-mels of single instruments (B, F, n_mels) to raw embeddings (B, D).

        `kept` is as in `run_ast`.
        """
        return pool(run_ast(self.ast, features, kept=kept))

    def listen(self, features: Tensor, queries: Sequence[int] | None = None) -> MixtureOutput:
        """Log-mels of mixtures (B, F, n_mels) to everything that the heads make of them.

        Args:
            features: As above.
            queries: Numbers of the families that are looked at again; None: all. The others are
                answered at first sight.
        """
        tokens = self.read(features)
        output = self.answer(tokens)
        asked = list(range(len(self.config.families)) if queries is None else queries)
        if not (self.config.second_look and asked):
            return output
        owners = torch.arange(len(features), device=features.device).repeat_interleave(len(asked))
        numbers = torch.tensor(asked * len(features), dtype=torch.long, device=features.device)
        again = self.look_again(features, self.cell_logits(tokens), owners, numbers)
        answers = output.queries.clone()
        answers[owners, numbers] = (answers[owners, numbers] + again) / 2
        return replace(output, queries=answers)

    def read(self, features: Tensor, kept: Tensor | None = None) -> Tensor:
        """Log-mels of mixtures (B, F, n_mels) to hidden states; see `run_ast`."""
        ast = self.ast if self.mixture_ast is None else self.mixture_ast
        return run_ast(ast, features, self.input_tokens, kept)

    def cell_logits(self, tokens: Tensor) -> Tensor:
        """Whose energy is in the cells of each patch read, (B, K, CELLS, families + 1)."""
        assert self.cell_head is not None  # asked only where the configuration has cells
        n_first, n_last = 2, 0 if self.input_tokens is None else len(self.input_tokens)
        patches = tokens[:, n_first : tokens.shape[1] - n_last]
        logits: Tensor = self.cell_head(patches).float()
        return logits.view(*patches.shape[:2], CELLS, -1)

    def look_again(
        self, features: Tensor, cell_logits: Tensor, owners: Tensor, queries: Tensor
    ) -> Tensor:
        """Answer queries from their family's share of mixtures, raw, (N, D).

        The shares are taken as they are: the answers teach the encoder, not the cells.

        Args:
            features: Log-mels of mixtures, (B, F, n_mels).
            cell_logits: Of all their patches, (B, patches, CELLS, families + 1).
            owners: The mixture of each query, (N,).
            queries: Numbers of families, (N,).
        """
        assert self.family_queries is not None
        shares = cell_logits.detach().softmax(-1)[owners, :, :, queries]
        left, kept = second_look(features[owners], shares, self.config)
        ast = self.ast if self.mixture_ast is None else self.mixture_ast
        tokens = run_ast(ast, left, kept=kept)
        answers = self.family_queries(tokens, pool(tokens)).embeddings
        chosen: Tensor = answers[torch.arange(len(owners), device=owners.device), queries]
        return chosen

    def answer(self, tokens: Tensor) -> MixtureOutput:
        """What `read` found in mixtures to everything that the heads make of it."""
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
