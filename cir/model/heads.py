"""Family queries: one embedding per family out of one mixture."""

import torch
from torch import Tensor, nn


class FamilyQueries(nn.Module):
    """One learned query per family that attends to the tokens of a mixture.

    The answer of a query is added to the mixture's pooled embedding, so that it starts in the
    space of the single-instrument embeddings and training only has to bend it towards its family.
    """

    def __init__(self, n_families: int, hidden_size: int, n_heads: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_families, hidden_size) * 0.5)
        self.attention = nn.MultiheadAttention(hidden_size, n_heads, batch_first=True)
        self.norm = nn.LayerNorm(hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size),
            nn.GELU(),
            nn.Linear(4 * hidden_size, hidden_size),
        )

    def forward(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Answer every query.

        Args:
            tokens: The encoder's last hidden states, (B, L, D).
            pooled: The encoder's pooled output, (B, D).

        Returns:
            (B, families, D), not normalised.
        """
        queries = self.queries.expand(len(tokens), -1, -1)
        attended, _ = self.attention(queries, tokens, tokens, need_weights=False)
        answer = queries + attended
        answer = answer + self.mlp(self.norm(answer))
        raw: Tensor = pooled.unsqueeze(1) + answer
        return raw
