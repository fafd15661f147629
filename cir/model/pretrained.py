"""Initialisation from an AST trained elsewhere, on AudioSet for instance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import ASTConfig, ASTModel

from cir.errors import CheckpointError, InputError
from cir.model.ast import TimbreNetwork
from cir.model.hub import REQUIRED_FILES, fetch
from cir.model.network_config import EncoderConfig
from cir.model.released import HOP_SAMPLES, read_ast_weights
from cir.schema import TENSOR_ERRORS, read_json
from cir.types import SAMPLE_RATE

_POSITIONS = "embeddings.position_embeddings"
# transformers' names of sizes, and ours.
_NAMES = {
    "hidden_size": "hidden_size",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "patch_size": "patch_size",
    "frequency_stride": "frequency_stride",
    "time_stride": "time_stride",
    "num_mel_bins": "n_mels",
    "max_length": "mixture_frames",
}
# Which of them must be the same.
_SIZES = ("hidden_size", "n_layers", "n_heads", "patch_size")


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


def initialise_from_ast(
    network: TimbreNetwork, source: str | Path, *, revision: str | None = None
) -> list[str]:
    """Give the network's transformers the weights of a trained AST; its heads stay as they are.

    Strides, frame shift, mel bands and length of the clips may differ: the positional table is
    then read off anew at our patches.

    Args:
        network: Changed in place, both transformers where it has two.
        source: Folder or Hub id of a transformers AST, with or without a classifier, such as
            `MIT/ast-finetuned-audioset-12-12-0.447`.
        revision: Branch, tag or commit on the Hub.

    Returns:
        Names of the network's weights that were interpolated or cropped, not copied.

    Raises:
        CheckpointError: Nothing to be had there, no AST, or one of another size.
    """
    folder = fetch(source, revision)
    theirs = _read_config(folder, str(source))
    weights = read_ast_weights(str(source), _read_weights(folder, str(source)))
    if _POSITIONS not in weights:
        raise CheckpointError(f"{source} is damaged: it has no {_POSITIONS}; download it again.")
    _check_sizes(theirs, network.config, str(source))
    grid, ours = PatchGrid.of(theirs), PatchGrid.of(network.config)
    _check_table(weights[_POSITIONS], grid, str(source))
    copied = ours.equals(grid)
    if not copied:
        weights[_POSITIONS] = resample_positions(weights[_POSITIONS], grid, ours)
    for ast in (network.ast, network.mixture_ast):
        if ast is not None:
            _load(ast, weights, str(source))
    names = [name for name, _ in network.named_parameters() if name.endswith(_POSITIONS)]
    return [] if copied else names


def _read_config(folder: Path, source: str) -> EncoderConfig:
    """Read the sizes of an AST; its clips are as long as its table."""
    missing = [name for name in REQUIRED_FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{source} has no {' and no '.join(missing)}: give an AST that is saved as safetensors."
        )
    try:
        values = read_json(folder / REQUIRED_FILES[0], dict[str, Any])
        kind = values["model_type"]
    except (InputError, KeyError) as error:
        raise CheckpointError(
            f"{source} is no model of transformers: its config.json names no model_type; give an "
            "Audio Spectrogram Transformer."
        ) from error
    if kind != ASTConfig.model_type:
        raise CheckpointError(
            f"{source} is a model of type {kind!r}: give an Audio Spectrogram Transformer "
            f"({ASTConfig.model_type})."
        )
    config = ASTConfig.from_dict(values)
    sizes = {ours: getattr(config, name) for name, ours in _NAMES.items()}
    wrong = [name for name, size in sizes.items() if not isinstance(size, int)]
    if wrong:
        raise CheckpointError(
            f"{source} has no single {' and no single '.join(wrong)}: give another AST."
        )
    return EncoderConfig(**sizes, note_frames=config.max_length, hop_samples=HOP_SAMPLES)


def _read_weights(folder: Path, source: str) -> dict[str, Tensor]:
    try:
        return load_file(folder / REQUIRED_FILES[1])
    except TENSOR_ERRORS as error:
        raise CheckpointError(
            f"The weights of {source} are damaged ({error}); download them again."
        ) from error


def _check_sizes(theirs: EncoderConfig, ours: EncoderConfig, source: str) -> None:
    differing = [name for name in _SIZES if getattr(theirs, name) != getattr(ours, name)]
    if differing:
        found = ", ".join(f"{name} {getattr(theirs, name)}" for name in differing)
        wanted = ", ".join(f"{getattr(ours, name)}" for name in differing)
        raise CheckpointError(
            f"{source} has {found} where the encoder has {wanted}: configure the encoder like it, "
            "or start from an AST of its size."
        )


def _check_table(table: Tensor, grid: PatchGrid, source: str) -> None:
    n_tokens = 2 + math.prod(grid.shape)
    if table.ndim != 3 or table.shape[1] != n_tokens:
        raise CheckpointError(
            f"{source} is damaged: its config.json asks for {n_tokens} positions, its weights have "
            f"{tuple(table.shape)}; download it again."
        )


def _load(ast: ASTModel, weights: Mapping[str, Tensor], source: str) -> None:
    try:
        ast.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights of {source} do not fit an AST of its size: "
            f"{' '.join(str(error).split())}; start from another one."
        ) from error
