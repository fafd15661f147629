"""Our network: an encoder for notes, and one for mixtures that starts as its copy."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, relu

from cir.audio.log_frequency import bring_to_level, log_bands, normalise_peak
from cir.model.heads import FamilyHead, Heard, NoteHead, attend, normal_parameter
from cir.model.network_config import ConvAstConfig

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
        self.positions = normal_parameter(1, 1, config.n_rows, size, deviation=_POSITION_SCALE)
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


class ConvAst(nn.Module):
    """Embeds notes and mixtures in one space.

    The notes are trained first. Then their encoder stays as it is, and a copy of it learns to find
    them in mixtures.
    """

    def __init__(self, config: ConvAstConfig) -> None:
        super().__init__()
        self.config = config
        self.notes = Trunk(config)
        self.note_head = NoteHead(config)
        self.mixtures = Trunk(config) if config.families else None
        self.family_head = FamilyHead(config) if config.families else None

    def features(self, audio: Tensor) -> Tensor:
        """Waveforms (B, T) of any level at 16 kHz to levels (B, T // hop, bands)."""
        return bring_to_level(log_bands(normalise_peak(audio), self.config.bands))

    def embed_once(self, levels: Tensor) -> Tensor:
        """Levels (B, frames, bands) to raw embeddings (B, E), as they are trained."""
        embeddings: Tensor = self.note_head(self.notes(levels))
        return embeddings

    def embed_notes(self, levels: Tensor) -> Tensor:
        """Notes' levels (B, frames, bands) to embeddings (B, E) of any length, as they are served.

        The first second says most; the mean with the embedding of the whole note tells instruments
        apart better than either (benchmarks/model_log.md).
        """
        lengths = {min(n, levels.shape[1]) for n in self.config.heard_frames}
        parts = [
            normalize(self.embed_once(bring_to_level(levels[:, :n])).float(), dim=-1)
            for n in sorted(lengths)
        ]
        return torch.stack(parts).sum(0)

    def listen(self, levels: Tensor) -> Heard:
        """Answer the family queries about mixtures' levels (B, frames, bands).

        A network without queries reads a mixture as it reads a note.
        """
        if self.mixtures is None or self.family_head is None:
            return Heard.overall_alone(self.embed_once(levels))
        heard: Heard = self.family_head(self.mixtures(levels))
        return heard

    def share_out(self, levels: Tensor) -> Tensor:
        """Return shares of families and others, which sum to 1, in the cells of mixtures' levels.

        (B, families + 1, frames / CELL, bands / CELL).
        """
        assert self.mixtures is not None and self.family_head is not None
        return self.family_head.mask_logits(self.mixtures(levels)).softmax(1)

    def begin_mixtures(self) -> None:
        """Let the mixtures' encoder start as the notes'."""
        assert self.mixtures is not None and self.family_head is not None
        self.mixtures.load_state_dict(self.notes.state_dict())
        self.family_head.family_notes.load_state_dict(self.note_head.state_dict(), strict=False)

    def multiply(self, matrix: Tensor) -> None:
        """Change the weights so that all embeddings are multiplied by `matrix`, (E, E)."""
        self.note_head.multiply(matrix)
        if self.family_head is not None:
            self.family_head.multiply(matrix)
