"""What is asked of one mixture: an embedding per family, or per slot without a family.

Four siblings of one skeleton. They differ in where a question meets the sound: behind the
transformer, inside it, or nowhere (the same linear map for every mixture).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Fresh questions must differ enough to be told apart beside the sound they are added to.
_QUERY_SCALE = 0.5


@dataclass(frozen=True)
class Answers:
    """What a head heard in a batch of mixtures."""

    embeddings: Tensor
    """(B, Q, D), not normalised."""
    presence: Tensor
    """Logits (B, Q) of whether there is something to answer with; (B, 0) where nobody asked."""


class QueryHead(nn.Module, ABC):
    """A fixed number of learned questions, each answered with one embedding."""

    def __init__(self, hidden_size: int, *, presence: bool) -> None:
        super().__init__()
        self.presence = nn.Linear(hidden_size, 1) if presence else None

    @property
    def input_tokens(self) -> Tensor | None:
        """Questions (Q, D) that travel through the transformer, behind the patches."""
        return None

    @abstractmethod
    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Raw embeddings (B, Q, D); arguments as in `forward`."""

    def forward(self, tokens: Tensor, pooled: Tensor) -> Answers:
        """Answer every question.

        Args:
            tokens: The encoder's last hidden states, (B, L, D); those of this head's
                `input_tokens`, if any, come last.
            pooled: The encoder's pooled output, (B, D).
        """
        embeddings = self.answer(tokens, pooled)
        if self.presence is None:
            return Answers(embeddings, embeddings.new_zeros(len(embeddings), 0))
        return Answers(embeddings, self.presence(embeddings).squeeze(-1))


class FamilyQueries(QueryHead):
    """One learned query per family that attends to the tokens of a mixture.

    The answer of a query is added to the mixture's pooled embedding, so that it starts in the
    space of the single-instrument embeddings and training only has to bend it towards its family.
    """

    def __init__(
        self, n_queries: int, hidden_size: int, n_heads: int, *, presence: bool = False
    ) -> None:
        super().__init__(hidden_size, presence=presence)
        self.queries = nn.Parameter(torch.randn(n_queries, hidden_size) * _QUERY_SCALE)
        self.attention = nn.MultiheadAttention(hidden_size, n_heads, batch_first=True)
        self.norm = nn.LayerNorm(hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size),
            nn.GELU(),
            nn.Linear(4 * hidden_size, hidden_size),
        )

    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Attend, then think."""
        answer = self.attend(tokens)
        answer = answer + self.mlp(self.norm(answer))
        raw: Tensor = pooled.unsqueeze(1) + answer
        return raw

    def attend(self, tokens: Tensor) -> Tensor:
        """Every query and what it found in the tokens, (B, Q, D)."""
        queries = self.queries.expand(len(tokens), -1, -1)
        attended, _ = self.attention(queries, tokens, tokens, need_weights=False)
        found: Tensor = queries + attended
        return found


class OpenSlots(FamilyQueries):
    """Queries without a family, which share a mixture's instruments out among themselves.

    Having listened, the slots attend to each other, as in DETR (Carion et al. 2020): one can leave
    to another what that one has found. Which slot takes which instrument is left to training.
    """

    def __init__(self, n_queries: int, hidden_size: int, n_heads: int) -> None:
        super().__init__(n_queries, hidden_size, n_heads, presence=True)
        self.between_norm = nn.LayerNorm(hidden_size)
        self.between = nn.MultiheadAttention(hidden_size, n_heads, batch_first=True)

    def attend(self, tokens: Tensor) -> Tensor:
        """What each slot found, knowing what the others found."""
        found = super().attend(tokens)
        heard = self.between_norm(found)
        shared, _ = self.between(heard, heard, heard, need_weights=False)
        agreed: Tensor = found + shared
        return agreed


class InputTokenQueries(QueryHead):
    """One learned token per family that goes through the whole transformer with the patches."""

    def __init__(self, n_queries: int, hidden_size: int, *, presence: bool = False) -> None:
        super().__init__(hidden_size, presence=presence)
        self.queries = nn.Parameter(torch.randn(n_queries, hidden_size) * _QUERY_SCALE)
        self.projection = nn.Linear(hidden_size, hidden_size)

    @property
    def input_tokens(self) -> Tensor:
        """The learned tokens (Q, D)."""
        return self.queries

    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Bend the pooled embedding by what became of each token."""
        own = tokens[:, -len(self.queries) :]
        raw: Tensor = pooled.unsqueeze(1) + self.projection(own)
        return raw


class LinearQueries(QueryHead):
    """One linear map of the pooled embedding per family: the head of the multi-encoder.

    Kim et al. 2023, "Show me the instruments": all families out of one vector, no look at tokens.
    """

    def __init__(self, n_queries: int, hidden_size: int, *, presence: bool = False) -> None:
        super().__init__(hidden_size, presence=presence)
        self.maps = nn.Linear(hidden_size, n_queries * hidden_size)

    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Map the pooled embedding once per family."""
        raw: Tensor = self.maps(pooled).unflatten(-1, (-1, pooled.shape[-1]))
        return raw
