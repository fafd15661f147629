"""What an encoder is made of, saved as JSON beside its weights."""

import json
from dataclasses import dataclass, fields
from typing import Any

from cir.audio.features import SAMPLE_RATE, clip_samples
from cir.errors import CheckpointError

FORMAT_VERSION = 1
QUERY_KINDS = ("cross_attention", "input_tokens", "linear")
CELLS_ALONG_PATCH = 4
"""Each patch is divided into four by four cells where `cells` are asked for."""

_LATER_FIELDS = frozenset(
    {"query_kind", "n_slots", "shared_encoder", "presence", "dropout", "cells", "second_look"}
)
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
class EncoderConfig:
    """Sizes of the features, of the transformer and of its family queries."""

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
    n_slots: int = 0
    """Queries without a family, for mixtures whose families are unknown."""
    shared_encoder: bool = True
    """False: mixtures have a transformer of their own, as in Kim et al.'s multi-encoder (2023)."""
    presence: bool = False
    """Whether each family query also says if its family is there; open slots always do."""
    cells: bool = False
    """Whether each patch of a mixture says how its energy is shared out among the families."""
    second_look: bool = False
    """Whether each family query is answered twice: from the mixture, and from what is left of it
    when only the family's share of each cell stays."""
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
        self._check_cells()
        if self.n_slots < 0:
            raise CheckpointError(f"n_slots must be 0 or more, got {self.n_slots}.")
        if not 0 <= self.dropout < 1:
            raise CheckpointError(f"dropout must be at least 0 and below 1, got {self.dropout}.")

    def _check_cells(self) -> None:
        if self.cells and (not self.families or self.patch_size % CELLS_ALONG_PATCH):
            raise CheckpointError(
                f"cells need families, and a patch_size that {CELLS_ALONG_PATCH} divides; got "
                f"{len(self.families)} families and patches of {self.patch_size}."
            )
        if not self.second_look:
            return
        lengths = (self.mixture_frames, self.n_mels)
        if (
            not self.cells
            or self.query_kind == "input_tokens"
            or {self.frequency_stride, self.time_stride} != {self.patch_size}
            or any(length % self.patch_size for length in lengths)
        ):
            raise CheckpointError(
                "second_look needs cells: true, another query_kind than input_tokens, and patches "
                "side by side that cover the whole spectrogram: strides of patch_size, which "
                "divides mixture_frames and n_mels."
            )

    @property
    def note_samples(self) -> int:
        """Length of a single-instrument clip at 16 kHz."""
        return clip_samples(self.note_frames, self.hop_samples)

    @property
    def mixture_samples(self) -> int:
        """Length of a window over a mixture at 16 kHz."""
        return clip_samples(self.mixture_frames, self.hop_samples)

    @property
    def note_seconds(self) -> float:
        """Length of a single-instrument clip."""
        return self.note_samples / SAMPLE_RATE

    @property
    def mixture_seconds(self) -> float:
        """Length of a window over a mixture."""
        return self.mixture_samples / SAMPLE_RATE

    def to_json(self) -> str:
        """The same configuration always gives the same text.

        Fields that came later are written only where they differ from their default, so that a
        model from before them keeps its text, and with it its identity.
        """
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in _LATER_FIELDS or getattr(self, field.name) != field.default
        }
        return json.dumps({"format_version": FORMAT_VERSION, **values}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "EncoderConfig":
        """Read what `to_json` wrote.

        Raises:
            CheckpointError: Not JSON, made by another version, or with unknown keys.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            version = values.pop("format_version")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise CheckpointError(
                "The model's config.json is not one of ours: it must be JSON with a format_version."
            ) from error
        if version != FORMAT_VERSION:
            raise CheckpointError(
                f"The model has format version {version}, this library reads {FORMAT_VERSION}; "
                "install the version of cir that made it."
            )
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise CheckpointError(f"Unknown keys in the model's config.json: {sorted(unknown)}.")
        return cls(**values)
