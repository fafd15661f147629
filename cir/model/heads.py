"""What is asked of one mixture: an embedding per family.

Two siblings of one skeleton: questions that look at the sound behind the transformer, or the same
linear map for every mixture.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from cir.model.heard import Heard

# Fresh questions must differ enough to be told apart beside the sound they are added to.
_QUERY_SCALE = 0.5


class QueryHead(nn.Module, ABC):
    """A fixed number of learned questions, each answered with one embedding."""

    @abstractmethod
    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Raw embeddings (B, Q, D); arguments as in `forward`."""

    def forward(self, tokens: Tensor, pooled: Tensor) -> Heard:
        """Answer every question.

        Args:
            tokens: The encoder's last hidden states, (B, L, D).
            pooled: The encoder's pooled output, (B, D), which is the overall embedding.
        """
        return Heard(pooled, self.answer(tokens, pooled), pooled[:, :0])


class FamilyQueries(QueryHead):
    """One learned query per family that attends to the tokens of a mixture.

    The answer of a query is added to the mixture's pooled embedding, so that it starts in the
    space of the single-instrument embeddings and training only has to bend it towards its family.
    """

    def __init__(self, n_queries: int, hidden_size: int, n_heads: int) -> None:
        super().__init__()
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
        queries = self.queries.expand(len(tokens), -1, -1)
        attended, _ = self.attention(queries, tokens, tokens, need_weights=False)
        answer = queries + attended
        raw: Tensor = pooled.unsqueeze(1) + answer + self.mlp(self.norm(answer))
        return raw


class LinearQueries(QueryHead):
    """One linear map of the pooled embedding per family: the head of the multi-encoder.

    Kim et al. 2023, "Show me the instruments": all families out of one vector, no look at tokens.
    """

    def __init__(self, n_queries: int, hidden_size: int) -> None:
        super().__init__()
        self.maps = nn.Linear(hidden_size, n_queries * hidden_size)

    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Map the pooled embedding once per family."""
        raw: Tensor = self.maps(pooled).unflatten(-1, (-1, pooled.shape[-1]))
        return raw
