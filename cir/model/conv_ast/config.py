"""What a `ConvAst` is made of, saved as JSON beside its weights."""

from dataclasses import dataclass, field
from typing import ClassVar

from cir.audio.log_frequency import BandConfig
from cir.errors import CheckpointError
from cir.model.network_config import NetworkConfig

_SIZES = (
    "n_layers",
    "n_heads",
    "embedding_size",
    "time_stride",
    "note_frames",
    "mixture_frames",
)


@dataclass(frozen=True)
class ConvAstConfig(NetworkConfig):
    """Sizes of the features, of the stem, of the transformer and of the family queries."""

    ARCHITECTURE: ClassVar[str] = "conv-ast"

    bands: BandConfig = field(default_factory=BandConfig)
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Channels of the stem's stages; each halves the number of bands."""
    time_stride: int = 16
    """Frames that a token stands for. Stages halve the frames until it is reached."""
    n_layers: int = 2
    """AST blocks over the tokens."""
    n_heads: int = 4
    embedding_size: int = 192
    note_frames: int = 64
    """So much of a note is heard in training."""
    heard_frames: tuple[int, ...] = (48, 128)
    """Every single-instrument sound is padded or cut to the most of these. It is heard once in its
    first so many frames for each; the mean of the embeddings stands for it."""
    mixture_frames: int = 256
    """Mixtures are read in windows of this many frames."""
    families: tuple[str, ...] = ()
    """Families with a query of their own; empty: mixtures are read like single instruments."""
    n_query_layers: int = 2
    """How often a family query looks at a mixture."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "families", tuple(self.families))
        object.__setattr__(self, "heard_frames", tuple(self.heard_frames))
        for name in _SIZES:
            if getattr(self, name) < (0 if name == "n_layers" else 1):
                raise CheckpointError(f"{name} must be positive, got {getattr(self, name)}.")
        if not self.widths or min(self.widths) < 1:
            raise CheckpointError(f"widths must be positive numbers, got {self.widths}.")
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
        if not self.heard_frames or min(self.heard_frames) < 1:
            raise CheckpointError(
                f"heard_frames must be positive numbers, got {self.heard_frames}."
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
        """Of the stem's stages, 2 or 1."""
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
