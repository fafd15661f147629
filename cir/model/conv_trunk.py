"""Spectrograms become tokens: strided residual convolutions, then AST blocks."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, relu

from cir.model.conv_ast_config import ConvAstConfig

_POSITION_SCALE = 0.02


class Trunk(nn.Module):
    """A stem of residual stages and a transformer over what is left of the spectrogram.

    Positions are learned along frequency alone: what an instrument is does not depend on when it
    plays, and a clip may have any length.
    """

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__()
        first, *others = config.widths
        strides = config.time_strides
        self.first = nn.Sequential(
            nn.Conv2d(1, first, 5, (strides[0], 2), 2, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        )
        pairs = zip(config.widths, others, strides[1:], strict=False)
        self.stages = nn.ModuleList(Residual(n, m, stride) for n, m, stride in pairs)
        size = config.hidden_size
        self.positions = nn.Parameter(torch.randn(1, 1, config.n_rows, size) * _POSITION_SCALE)
        self.blocks = nn.ModuleList(Block(size, config.n_heads) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(size)

    def forward(self, levels: Tensor) -> Tensor:
        """Levels (B, frames, bands) to tokens (B, columns, rows, D), rows along frequency."""
        maps = self.first(levels.unsqueeze(1).contiguous(memory_format=torch.channels_last))
        for stage in self.stages:
            maps = stage(maps)
        tokens = maps.permute(0, 2, 3, 1) + self.positions  # (B, columns, rows, D)
        flat = tokens.flatten(1, 2)
        for block in self.blocks:
            flat = block(flat)
        normed: Tensor = self.norm(flat)
        return normed.view(tokens.shape)


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a short cut; bands are halved, frames by `time_stride`."""

    def __init__(self, n_in: int, n_out: int, time_stride: int) -> None:
        super().__init__()
        stride = (time_stride, 2)
        self.conv_1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm_1 = nn.BatchNorm2d(n_out)
        self.conv_2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(n_out)
        self.short_cut = nn.Sequential(
            nn.AvgPool2d(stride, ceil_mode=True),  # as many as the convolutions give
            nn.Conv2d(n_in, n_out, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        nn.init.zeros_(self.norm_2.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, n_in, frames, bands) to (B, n_out, frames / time_stride, bands / 2), rounded up."""
        bent = self.norm_2(self.conv_2(relu(self.norm_1(self.conv_1(maps)), inplace=True)))
        return relu(bent + self.short_cut(maps))


class Block(nn.Module):
    """A block of the AST: self-attention and a perceptron, each normalised before it."""

    def __init__(self, size: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_1 = nn.LayerNorm(size)
        self.to_heads = nn.Linear(size, 3 * size)
        self.from_heads = nn.Linear(size, size)
        self.norm_2 = nn.LayerNorm(size)
        self.widen = nn.Linear(size, 4 * size)
        self.narrow = nn.Linear(4 * size, size)
        for layer in (self.to_heads, self.from_heads, self.widen, self.narrow):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) to (B, N, D)."""
        n_clips, n_tokens, size = tokens.shape
        heads = self.to_heads(self.norm_1(tokens))
        heads = heads.view(n_clips, n_tokens, 3, self.n_heads, size // self.n_heads)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # (B, heads, N, D / heads) each
        mixed = attend(queries, keys, values)
        tokens = tokens + self.from_heads(mixed.transpose(1, 2).flatten(2))
        thought: Tensor = tokens + self.narrow(gelu(self.widen(self.norm_2(tokens))))
        return thought


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Scaled dot-product attention of (B, heads, Q, d) to keys and values (B, heads, N, d).

    Clips have 16 to 64 tokens. With so few, torch's own kernel takes two to five times as long on a
    CPU, most of it for the gradients.
    """
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    mixed: Tensor = scores.softmax(-1).to(values.dtype) @ values
    return mixed
