"""Sizes of networks, saved as JSON beside their weights."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from cir.audio.bands import BandConfig
from cir.audio.dsp import clip_samples
from cir.config import Count, Number, checked
from cir.errors import CheckpointError, InputError
from cir.schema import parse_json, parse_values
from cir.types import SAMPLE_RATE

FORMAT_VERSION = 3
CELL = 4
"""Masks have a cell for this many frames by this many bands."""


class NetworkConfig(ABC):
    """Sizes of a network. Its siblings are frozen dataclasses."""

    ARCHITECTURE: ClassVar[str]
    """Names the kind of network in the JSON."""

    families: tuple[str, ...] = ()
    """Families with a query of their own; empty: one embedding for the whole mixture."""

    @property
    @abstractmethod
    def embedding_size(self) -> int:
        """Length of an embedding."""

    @property
    @abstractmethod
    def note_samples(self) -> int:
        """Length of a single-instrument clip at 16 kHz."""

    @property
    @abstractmethod
    def mixture_samples(self) -> int:
        """Length of a window over a mixture at 16 kHz."""

    @property
    def note_seconds(self) -> float:
        """Length of a single-instrument clip."""
        return self.note_samples / SAMPLE_RATE

    @property
    def mixture_seconds(self) -> float:
        """Length of a window over a mixture."""
        return self.mixture_samples / SAMPLE_RATE

    def to_json(self) -> str:
        """Return JSON; the same configuration always gives the same text."""
        head = {"format_version": FORMAT_VERSION, "architecture": self.ARCHITECTURE}
        values = asdict(self)  # type: ignore[call-overload]  # every sibling is a dataclass
        return json.dumps({**head, **values}, indent=2) + "\n"

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Build a configuration from the values of `split_json`.

        Raises:
            CheckpointError: A key is unknown, or a value is not what it must be.
        """
        try:
            return parse_values(values, cls, "the model's config.json")
        except InputError as error:
            raise CheckpointError(str(error)) from error


def split_json(text: str | bytes) -> tuple[str, dict[str, Any]]:
    """Return the name of the architecture and the values in what `to_json` wrote.

    Raises:
        CheckpointError: It is not JSON, or made by another version.
    """
    try:
        values = parse_json(text, dict[str, Any], "config.json")
        version = values.pop("format_version")
    except (InputError, KeyError) as error:
        raise CheckpointError(
            "The model's config.json is not one of ours: it must be JSON with a format_version."
        ) from error
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"The model has format version {version!r:.20}, this library reads "
            f"{FORMAT_VERSION}: use the version of cir that made it, or a model that was trained "
            "with this one."
        )
    return str(values.pop("architecture", None))[:60], values


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


AnyConfig: TypeAlias = EncoderConfig | ConvAstConfig

_CONFIGS: dict[str, type[AnyConfig]] = {
    kind.ARCHITECTURE: kind for kind in (EncoderConfig, ConvAstConfig)
}


def read_config(text: str | bytes) -> AnyConfig:
    """Read what `NetworkConfig.to_json` wrote.

    Raises:
        CheckpointError: Not JSON, made by another version, or with unknown keys or values.
    """
    architecture, values = split_json(text)
    if architecture not in _CONFIGS:
        raise CheckpointError(
            f"The model's architecture is {architecture!r}, this library knows "
            f"{' and '.join(_CONFIGS)}; install the version of cir that made it."
        )
    return _CONFIGS[architecture].from_values(values)
