"""Positional tables, learned for one grid of patches, for another grid."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cir.model.ast_config import EncoderConfig
from cir.types import SAMPLE_RATE


@dataclass(frozen=True)
class PatchGrid:
    """Centres of the patches of an AST."""

    bands: Tensor
    """Fractions of the mel range, (rows,)."""
    seconds: Tensor
    """Times from the start of the clip, (columns,)."""

    @classmethod
    def of(cls, config: EncoderConfig) -> "PatchGrid":
        """The whole table of an encoder."""
        bins = _centres(config.n_mels, config.patch_size, config.frequency_stride)
        frames = _centres(config.mixture_frames, config.patch_size, config.time_stride)
        return cls(bins / config.n_mels, frames * config.hop_samples / SAMPLE_RATE)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.bands), len(self.seconds)

    def equals(self, other: "PatchGrid") -> bool:
        """Return whether both have the same patches."""
        return torch.equal(self.bands, other.bands) and torch.equal(self.seconds, other.seconds)


def resample_positions(table: Tensor, source: PatchGrid, target: PatchGrid) -> Tensor:
    """Interpolate the table at the target's patches, bilinearly over frequency and time.

    A target that ends earlier takes the start of the table, so that a second stays a second. One
    that ends later is squeezed into the source's range: no two columns may share a position.

    Args:
        table: Positions of CLS, distillation and patch tokens, (1, 2 + rows x columns, D).
        source: Its patches.
        target: Those of the result.
    """
    patches = table[0, 2:].reshape(*source.shape, -1)
    squeeze = min(1.0, float(source.seconds[-1] / target.seconds[-1]))
    rows = _weights(target.bands, source.bands)
    columns = _weights(target.seconds * squeeze, source.seconds)
    read = torch.einsum("yb,xt,btd->yxd", rows, columns, patches.double())
    return torch.cat([table[:, :2], read.to(table.dtype).flatten(0, 1)[None]], 1)


def _centres(length: int, patch_size: int, stride: int) -> Tensor:
    starts = torch.arange(0, length - patch_size + 1, stride, dtype=torch.float64)
    return starts + patch_size / 2


def _weights(wanted: Tensor, known: Tensor) -> Tensor:
    """Linear interpolation as a matrix (wanted, known); beyond the ends the end counts."""
    if len(known) == 1:
        return torch.ones(len(wanted), 1, dtype=known.dtype)
    index = ((wanted - known[0]) / (known[1] - known[0])).clamp(0, len(known) - 1)
    places = torch.arange(len(known), dtype=known.dtype)
    return (1 - (index[:, None] - places).abs()).clamp(min=0)
