"""A mixture's tokens are asked for one instrument of each family."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from cir.model.conv_ast.attention import attend
from cir.model.conv_ast.config import ConvAstConfig
from cir.model.conv_ast.note_head import NoteHead
from cir.model.heard import Heard

_QUERY_SCALE = 0.5
CELL = 4
"""Masks have a cell for so many frames by so many bands."""


class FamilyHead(nn.Module):
    """Learned queries that look at the tokens, several times, and answer in the notes' space.

    An answer is added to an embedding of the whole mixture, which starts as the note head's: so
    training only has to bend it towards the family.
    """

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__()
        size, n_families = config.hidden_size, len(config.families)
        self.overall = NoteHead(config)
        self.queries = nn.Parameter(torch.randn(n_families, size) * _QUERY_SCALE)
        self.looks = nn.ModuleList(Look(size, config.n_heads) for _ in range(config.n_query_layers))
        self.norm = nn.LayerNorm(size)
        self.answer = nn.Linear(size, config.embedding_size)
        self.bend = nn.Parameter(torch.randn(n_families, config.embedding_size, size) * 0.02)
        """What each family makes of its answer in its own way, (families, E, D)."""
        self.presence = nn.Linear(size, 1)
        # Frames and bands that a token stands for, in cells.
        self.cells = (
            config.time_stride // CELL,
            config.bands.n_bands // config.n_rows // CELL,
        )
        self.to_cells = nn.Linear(size, (n_families + 1) * self.cells[0] * self.cells[1])

    def forward(self, tokens: Tensor) -> Heard:
        """Tokens (B, columns, rows, D)."""
        flat = tokens.flatten(1, 2)
        asked = self.queries.expand(len(flat), -1, -1)
        for look in self.looks:
            asked = look(asked, flat)
        asked = self.norm(asked)
        own = torch.einsum("bfd,fed->bfe", asked, self.bend.to(asked.dtype))
        overall = self.overall(tokens)
        embeddings = overall.unsqueeze(1) + self.answer(asked) + own
        return Heard(overall, embeddings, self.presence(asked).squeeze(-1))

    def mask_logits(self, tokens: Tensor) -> Tensor:
        """How the energy of each cell is shared out among families and others, as logits.

        Returns:
            (B, families + 1, frames / CELL, bands / CELL); the last is for other families.
        """
        n_clips, columns, rows, _ = tokens.shape
        wide, high = self.cells
        logits: Tensor = self.to_cells(tokens).view(n_clips, columns, rows, -1, wide, high)
        return logits.permute(0, 3, 1, 4, 2, 5).reshape(n_clips, -1, columns * wide, rows * high)


class Look(nn.Module):
    """Cross-attention from queries to tokens, and a perceptron."""

    def __init__(self, size: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_1 = nn.LayerNorm(size)
        self.to_queries = nn.Linear(size, size)
        self.to_keys = nn.Linear(size, 2 * size)
        self.from_heads = nn.Linear(size, size)
        self.norm_2 = nn.LayerNorm(size)
        self.widen = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(4 * size, size)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Queries (B, Q, D) and tokens (B, N, D) to queries (B, Q, D)."""
        asked = self._heads(self.to_queries(self.norm_1(queries)))
        keys, values = map(self._heads, self.to_keys(tokens).chunk(2, -1))
        found = attend(asked, keys, values)
        queries = queries + self.from_heads(found.transpose(1, 2).flatten(2))
        thought: Tensor = queries + self.narrow(gelu(self.widen(self.norm_2(queries))))
        return thought

    def _heads(self, values: Tensor) -> Tensor:
        """(B, N, D) to (B, heads, N, D / heads)."""
        return values.view(*values.shape[:2], self.n_heads, -1).transpose(1, 2)
