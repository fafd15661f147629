"""Heads: tokens become the embedding of a note, or of each family in a mixture."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from cir.model.network_config import CELL, ConvAstConfig

# Fresh queries must differ enough to be told apart beside the sound they are added to.
_QUERY_SCALE = 0.5
_BEND_SCALE = 0.02
_LEAST_VARIANCE = 1e-5


def normal_parameter(*shape: int, deviation: float) -> nn.Parameter:
    """Draw a parameter from a normal distribution.

    Without memory (device "meta") nothing is drawn: torch would import its compiler for it, which
    takes longer than to load a model.
    """
    values = torch.empty(shape)
    return nn.Parameter(values if values.is_meta else values.normal_(std=deviation))


@dataclass(frozen=True)
class Heard:
    """Answers to a batch of mixtures; nothing in it is normalised."""

    overall: Tensor
    """One embedding for the whole mixture, the mean of those of the families, (B, E)."""
    embeddings: Tensor
    """One for each family query, in the order of the configuration, (B, families, E)."""
    presence: Tensor
    """Logits of whether the family plays, (B, families); (B, 0) where the network does not tell."""

    @property
    def with_overall(self) -> Tensor:
        """The overall embedding, then those of the families, (B, 1 + families, E)."""
        return torch.cat([self.overall.unsqueeze(1), self.embeddings], 1)

    @classmethod
    def overall_alone(cls, overall: Tensor) -> Self:
        """Answers of a network without family queries."""
        return cls(overall, overall.new_zeros(len(overall), 0, overall.shape[-1]), overall[:, :0])

    @classmethod
    def concatenate(cls, batches: list[Self]) -> Self:
        """Join batches on the CPU in full precision."""
        names = [field.name for field in fields(cls)]
        return cls(
            *(torch.cat([getattr(b, name).float().cpu() for b in batches]) for name in names)
        )


class NoteHead(nn.Module):
    """Statistics over time, frequency kept, and a linear map of them."""

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__()
        n_statistics = 2 * config.n_rows * config.hidden_size
        self.norm = nn.BatchNorm1d(n_statistics)
        self.linear = nn.Linear(n_statistics, config.embedding_size)
        self.out = nn.BatchNorm1d(config.embedding_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, columns, rows, D) to raw embeddings (B, embedding_size)."""
        tokens = tokens.float()
        means = tokens.mean(1)
        # A CPU takes eight times as long for `var` along this axis.
        variances = (tokens - means.unsqueeze(1)).square().mean(1)
        deviations = (variances + _LEAST_VARIANCE).sqrt()
        statistics = torch.cat([means, deviations], 1).flatten(1)
        embedding: Tensor = self.out(self.linear(self.norm(statistics)))
        return embedding

    @property
    def is_multiplied(self) -> bool:
        """Whether `multiply` was called since the norm of the embeddings learned anything."""
        variances = self.out.running_var
        assert variances is not None
        return bool((variances == 1).all()) and not bool((self.out.weight == 1).all())

    @torch.no_grad()
    def multiply(self, matrix: Tensor) -> None:
        """Change the weights so that embeddings are multiplied by `matrix`, (E, E).

        The norm of the embeddings becomes part of the linear map, and does nothing itself. If its
        statistics were counted anew afterwards, it would undo the matrix in part.
        """
        variances = self.out.running_var
        assert variances is not None and self.out.running_mean is not None
        scale = self.out.weight / (variances + self.out.eps).sqrt()
        shift = self.out.bias - scale * self.out.running_mean
        weight = (scale[:, None] * self.linear.weight).to(matrix.dtype)
        bias = (scale * self.linear.bias + shift).to(matrix.dtype)
        self.linear.weight.copy_(matrix @ weight)
        self.linear.bias.copy_(matrix @ bias)
        self.out.reset_running_stats()
        self.out.weight.fill_((1 + self.out.eps) ** 0.5)
        self.out.bias.zero_()


class FamilyNoteHead(NoteHead):
    """The note head, asked for each family, over the moments at which the family sounds.

    In each row of tokens a family has weights over time, and it has a gate for each statistic.
    Weights start uniform and gates at 1: at first every family hears the whole mixture.
    """

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__(config)
        n_families = len(config.families)
        self.where = nn.Linear(config.hidden_size, n_families)
        nn.init.zeros_(self.where.weight)
        nn.init.zeros_(self.where.bias)
        self.gates = nn.Parameter(torch.zeros(n_families, self.linear.in_features))
        """Difference of each gate from 1."""

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, columns, rows, D) to raw embeddings (B, families, embedding_size)."""
        tokens = tokens.float()
        weights = self.where(tokens).float().softmax(1).permute(0, 2, 3, 1)
        centres = tokens.mean(1).unsqueeze(2)  # (B, rows, 1, D)
        values = tokens.transpose(1, 2) - centres
        # (B, rows, families, columns) by (B, rows, columns, D); in half precision, the difference
        # of squares would be lost.
        with torch.autocast(tokens.device.type, enabled=False):
            means, squares = weights @ values, weights @ values.square()
        variances = (squares - means.square()).clamp_min(0)
        deviations = (variances + _LEAST_VARIANCE).sqrt()
        statistics = torch.cat([means + centres, deviations], 1)  # (B, 2 rows, families, D)
        statistics = statistics.transpose(1, 2).flatten(2)
        gated = self.norm(statistics.flatten(0, 1)).view_as(statistics) * (1 + self.gates)
        embeddings: Tensor = self.out(self.linear(gated.flatten(0, 1)))
        return embeddings.view(*statistics.shape[:2], -1)


class FamilyHead(nn.Module):
    """Learned queries that attend to the tokens, several times, and answer in the notes' space.

    An answer is added to what the `FamilyNoteHead` says of the family. That starts as the note
    head, so that training only has to bend it towards the family.
    """

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__()
        size, n_families = config.hidden_size, len(config.families)
        self.family_notes = FamilyNoteHead(config)
        self.queries = normal_parameter(n_families, size, deviation=_QUERY_SCALE)
        self.looks = nn.ModuleList(Look(size, config.n_heads) for _ in range(config.n_query_layers))
        self.norm = nn.LayerNorm(size)
        self.answer = nn.Linear(size, config.embedding_size)
        self.bend = normal_parameter(n_families, config.embedding_size, size, deviation=_BEND_SCALE)
        """A linear map of its own for each family, (families, E, D)."""
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
        embeddings = self.family_notes(tokens) + self.answer(asked) + own
        return Heard(embeddings.mean(1), embeddings, self.presence(asked).squeeze(-1))

    @torch.no_grad()
    def multiply(self, matrix: Tensor) -> None:
        """Change the weights so that answers are multiplied by `matrix`, (E, E)."""
        self.family_notes.multiply(matrix)
        for own in (self.answer.weight, self.answer.bias, self.bend):
            own.copy_(matrix @ own.to(matrix.dtype))

    def mask_logits(self, tokens: Tensor) -> Tensor:
        """Return logits of the share of each family in the energy of each cell.

        (B, families + 1, frames / CELL, bands / CELL); the last is for other families.
        """
        n_clips, columns, rows, _ = tokens.shape
        wide, high = self.cells
        logits: Tensor = self.to_cells(tokens).view(n_clips, columns, rows, -1, wide, high)
        return logits.permute(0, 3, 1, 4, 2, 5).reshape(n_clips, -1, columns * wide, rows * high)


class Look(nn.Module):
    """Cross-attention from queries to tokens, then a perceptron."""

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


class QueryHead(nn.Module, ABC):
    """Family queries of the paper's AST: learned questions, each answered with one embedding."""

    @abstractmethod
    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Return raw embeddings (B, Q, D); arguments as in `forward`."""

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
        self.queries = normal_parameter(n_queries, hidden_size, deviation=_QUERY_SCALE)
        self.attention = nn.MultiheadAttention(hidden_size, n_heads, batch_first=True)
        self.norm = nn.LayerNorm(hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size),
            nn.GELU(),
            nn.Linear(4 * hidden_size, hidden_size),
        )

    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Attend, then map."""
        queries = self.queries.expand(len(tokens), -1, -1)
        attended, _ = self.attention(queries, tokens, tokens, need_weights=False)
        answer = queries + attended
        raw: Tensor = pooled.unsqueeze(1) + answer + self.mlp(self.norm(answer))
        return raw


class LinearQueries(QueryHead):
    """One linear map of the pooled embedding per family: the head of the multi-encoder.

    Kim et al. 2023, "Show me the instruments": all families from one vector, without the tokens.
    """

    def __init__(self, n_queries: int, hidden_size: int) -> None:
        super().__init__()
        self.maps = nn.Linear(hidden_size, n_queries * hidden_size)

    def answer(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        """Map the pooled embedding once per family."""
        raw: Tensor = self.maps(pooled).unflatten(-1, (-1, pooled.shape[-1]))
        return raw


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Scaled dot-product attention of (B, heads, Q, d) to keys and values (B, heads, N, d).

    Clips have 16 to 64 tokens. With so few, torch's own kernel takes two to five times as long on a
    CPU, most of it for the gradients.
    """
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    mixed: Tensor = scores.softmax(-1).to(values.dtype) @ values
    return mixed
