"""Sizes of a `ConvAst`, saved as JSON beside its weights."""

from dataclasses import field
from typing import ClassVar

from cir.audio.log_frequency import BandConfig
from cir.config import Count, Number, checked
from cir.errors import CheckpointError
from cir.model.network_config import NetworkConfig


@checked(CheckpointError)
class ConvAstConfig(NetworkConfig):
    """Sizes of the features, of the stem, of the transformer and of the family queries."""

    ARCHITECTURE: ClassVar[str] = "conv-ast"

    bands: BandConfig = field(default_factory=BandConfig)
    widths: tuple[Count, ...] = (16, 32, 64, 128, 256)
    """Channels of the stem's stages; each halves the number of bands."""
    time_stride: Count = 16
    """Frames that a token stands for. Stages halve the frames until it is reached."""
    n_layers: Number = 2
    """AST blocks over the tokens."""
    n_heads: Count = 4
    embedding_size: Count = 192
    note_frames: Count = 64
    """Frames of a note that training hears."""
    heard_frames: tuple[Count, ...] = (48, 128)
    """Lengths of the beginnings of a note that are embedded; their mean stands for the note. Every
    single-instrument sound is padded or cut to the longest."""
    mixture_frames: Count = 256
    """Mixtures are read in windows of this many frames."""
    families: tuple[str, ...] = ()
    """Families with a query of their own; empty: mixtures are read like single instruments."""
    n_query_layers: Number = 2
    """Layers in which a family query attends to the tokens."""

    def __post_init__(self) -> None:
        for name in ("widths", "heard_frames"):
            if not getattr(self, name):
                raise CheckpointError(f"{name} must have at least one number.")
        if self.hidden_size % self.n_heads:
            raise CheckpointError(
                f"The last of widths, {self.hidden_size}, must be a multiple of n_heads "
                f"{self.n_heads}."
            )
        if self.time_stride not in {2**n for n in range(1, len(self.widths) + 1)}:
            raise CheckpointError(
                f"time_stride must be a power of 2, at most 2 to the number of widths "
                f"({2 ** len(self.widths)}), got {self.time_stride}."
            )
        if self.bands.n_bands % 2 ** len(self.widths):
            raise CheckpointError(
                f"n_bands {self.bands.n_bands} must be a multiple of {2 ** len(self.widths)}: "
                "each of widths halves it."
            )
        for name in ("note_frames", "mixture_frames"):
            if getattr(self, name) % self.time_stride:
                raise CheckpointError(
                    f"{name} {getattr(self, name)} must be a multiple of time_stride "
                    f"{self.time_stride}."
                )
        if self.note_frames > self.mixture_frames:
            raise CheckpointError(
                f"note_frames {self.note_frames} must not exceed mixture_frames "
                f"{self.mixture_frames}."
            )

    @property
    def hidden_size(self) -> int:
        """Width of a token."""
        return self.widths[-1]

    @property
    def n_rows(self) -> int:
        """Tokens along frequency."""
        return self.bands.n_bands // int(2 ** len(self.widths))

    @property
    def time_strides(self) -> tuple[int, ...]:
        """Time stride of each stage of the stem, 2 or 1."""
        n_halved = self.time_stride.bit_length() - 1
        return tuple(2 if stage < n_halved else 1 for stage in range(len(self.widths)))

    @property
    def note_samples(self) -> int:
        """Length of a single-instrument clip at 16 kHz."""
        return self.bands.clip_samples(max(self.heard_frames))

    @property
    def mixture_samples(self) -> int:
        """Length of a window over a mixture at 16 kHz."""
        return self.bands.clip_samples(self.mixture_frames)
