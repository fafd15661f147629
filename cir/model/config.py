"""What the paper's AST is made of, saved as JSON beside its weights."""

from dataclasses import dataclass
from typing import ClassVar

from cir.audio.features import clip_samples
from cir.errors import CheckpointError
from cir.model.network_config import NetworkConfig

QUERY_KINDS = ("cross_attention", "linear")

_SIZES = (
    "hidden_size",
    "n_layers",
    "n_heads",
    "patch_size",
    "frequency_stride",
    "time_stride",
    "hop_samples",
)


@dataclass(frozen=True)
class EncoderConfig(NetworkConfig):
    """Sizes of the features, of the transformer and of its family queries."""

    ARCHITECTURE: ClassVar[str] = "ast"

    hidden_size: int = 192
    n_layers: int = 6
    n_heads: int = 3
    patch_size: int = 16
    frequency_stride: int = 16
    time_stride: int = 16
    n_mels: int = 128
    hop_samples: int = 320
    """Frame shift at 16 kHz: 160 is AST's 10 ms."""
    note_frames: int = 128
    """Every single-instrument sound is padded or cut to this many frames."""
    mixture_frames: int = 256
    """Mixtures are read in windows of this many frames. Also the length of the positional table."""
    families: tuple[str, ...] = ()
    """Families with a query of their own; empty: one embedding for the whole mixture."""
    query_kind: str = "cross_attention"
    """How family queries are answered: one of `QUERY_KINDS`, see `cir.model.heads`."""
    shared_encoder: bool = True
    """False: mixtures have a transformer of their own, as in Kim et al.'s multi-encoder (2023)."""
    dropout: float = 0.0
    """In training, of the transformer's hidden states and attention weights."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "families", tuple(self.families))
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise CheckpointError(f"{name} must be positive, got {getattr(self, name)}.")
        if self.hidden_size % self.n_heads:
            raise CheckpointError(
                f"hidden_size {self.hidden_size} must be a multiple of n_heads {self.n_heads}."
            )
        if self.n_mels < self.patch_size:
            raise CheckpointError(
                f"n_mels must be at least patch_size {self.patch_size}, got {self.n_mels}."
            )
        if not self.patch_size <= self.note_frames <= self.mixture_frames:
            raise CheckpointError(
                f"note_frames must lie between patch_size {self.patch_size} and mixture_frames "
                f"{self.mixture_frames}, got {self.note_frames}."
            )
        if self.query_kind not in QUERY_KINDS:
            raise CheckpointError(
                f"query_kind must be one of {', '.join(QUERY_KINDS)}, got {self.query_kind!r}."
            )
        if not 0 <= self.dropout < 1:
            raise CheckpointError(f"dropout must be at least 0 and below 1, got {self.dropout}.")

    @property
    def embedding_size(self) -> int:
        """Length of an embedding."""
        return self.hidden_size

    @property
    def note_samples(self) -> int:
        """Length of a single-instrument clip at 16 kHz."""
        return clip_samples(self.note_frames, self.hop_samples)

    @property
    def mixture_samples(self) -> int:
        """Length of a window over a mixture at 16 kHz."""
        return clip_samples(self.mixture_frames, self.hop_samples)
