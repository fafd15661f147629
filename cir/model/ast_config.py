"""Sizes of the paper's AST, saved as JSON beside its weights."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cir.audio.features import clip_samples
from cir.config import Count, checked
from cir.errors import CheckpointError
from cir.model.network_config import NetworkConfig


@checked(CheckpointError)
class EncoderConfig(NetworkConfig):
    """Sizes of the features, of the transformer and of its family queries."""

    ARCHITECTURE: ClassVar[str] = "ast"

    hidden_size: Count = 192
    n_layers: Count = 6
    n_heads: Count = 3
    patch_size: Count = 16
    frequency_stride: Count = 16
    time_stride: Count = 16
    n_mels: Count = 128
    hop_samples: Count = 320
    """Frame shift at 16 kHz: 160 is AST's 10 ms."""
    note_frames: Count = 128
    """Every single-instrument sound is padded or cut to this many frames."""
    mixture_frames: Count = 256
    """Mixtures are read in windows of this many frames. Also the length of the positional table."""
    families: tuple[str, ...] = ()
    """Families with a query of their own; empty: one embedding for the whole mixture."""
    query_kind: Literal["cross_attention", "linear"] = "cross_attention"
    """The head of family queries: `FamilyQueries` or `LinearQueries` of `cir.model.heads`."""
    shared_encoder: bool = True
    """False: mixtures have a transformer of their own, as in Kim et al.'s multi-encoder (2023)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout of hidden states and attention weights in training."""

    def __post_init__(self) -> None:
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
