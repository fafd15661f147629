"""Saving and loading of models: configuration, weights and the card beside them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from cir.errors import CheckpointError
from cir.files import replacing
from cir.model.network_config import AnyConfig, ConvAstConfig, read_config
from cir.schema import TENSOR_ERRORS
from cir.types import SAMPLE_RATE

Weights: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by the names that the network gives them."""

CARD_NAME = "README.md"

_TEMPLATE = """---
library_name: cir
tags:
- audio
- music
- timbre
- instrument-retrieval
---

# A timbre encoder

Embeds single instruments and mixtures of them into one space, to search instruments by sound.
Made with `cir`; its training and its results are not described here yet.

| | |
|---|---|
| embedding | {embedding_size} numbers, unit norm |
| network | {network} |
| input | mono, 16 kHz, {bands}, a frame every {hop_ms:g} ms |
| single instruments | cut or padded to {note_seconds:.2f} s |
| mixtures | windows of {mixture_seconds:.2f} s |
| family queries | {families} |

```python
from cir import load_encoder

encoder = load_encoder("FOLDER_OR_HUB_ID")
embedding = encoder.embed([audio], sample_rate)  # (1, {embedding_size})
```
"""

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
GRAPHS_NAME = "graphs.zip"
"""The networks as ONNX, see `cir.model.graphs`; made of the other two by `cir export`."""

BUNDLED_MODEL = Path(__file__).parent.parent / "assets" / "model"


def write_card(config: AnyConfig) -> str:
    """Describe what the configuration alone says; results belong in a card written by hand."""
    network = f"{config.n_layers} transformer layers, {config.n_heads} heads"
    if isinstance(config, ConvAstConfig):
        widths = "-".join(map(str, config.widths))
        network = f"convolutions of {widths} channels, then {network}"
        hop_samples = config.bands.hop_samples
        bands = (
            f"{config.bands.n_bands} log-frequency bands from {config.bands.lowest_hz:g} to "
            f"{config.bands.highest_hz:.0f} Hz"
        )
    else:
        hop_samples = config.hop_samples
        bands = f"{config.n_mels} log-mel bands"
    return _TEMPLATE.format(
        embedding_size=config.embedding_size,
        network=network,
        bands=bands,
        hop_ms=1000 * hop_samples / SAMPLE_RATE,
        note_seconds=config.note_seconds,
        mixture_seconds=config.mixture_seconds,
        families=", ".join(config.families) or "none: one embedding for a whole mixture",
    )


def save_folder(folder: Path, config: AnyConfig, weights: Weights) -> None:
    """Write configuration and weights (matrices as float16), each atomically, weights first.

    Graphs of other weights are removed before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GRAPHS_NAME).unlink(missing_ok=True)
    with replacing(folder / WEIGHTS_NAME) as path:
        path.write_bytes(save({name: as_stored(value) for name, value in weights.items()}))
    with replacing(folder / CONFIG_NAME) as path:
        path.write_text(config.to_json(), encoding="utf-8")


def load_folder(folder: Path) -> tuple[AnyConfig, dict[str, NDArray[Any]]]:
    """Read what `save_folder` wrote; matrices are float16.

    Raises:
        CheckpointError: A file is missing, damaged or made by another version.
    """
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} is not a model: it has no {name}; "
                "give a folder that save_pretrained wrote."
            )
    config = read_config((folder / CONFIG_NAME).read_bytes())
    try:
        weights = load_file(folder / WEIGHTS_NAME)
    except TENSOR_ERRORS as error:
        raise CheckpointError(
            f"{folder / WEIGHTS_NAME} is damaged ({error}); download or save the model again."
        ) from error
    if broken := [name for name, value in weights.items() if not np.isfinite(value).all()]:
        raise CheckpointError(
            f"{folder / WEIGHTS_NAME} is damaged: {broken[0]} is not finite; download or save the "
            "model again."
        )
    return config, weights


def identify(config: AnyConfig, weights: Weights) -> str:
    """Return sixteen hexadecimal digits that identify how a model embeds.

    Weights are hashed as they are stored, so that saving does not change them.
    """
    digest = hashlib.sha256(config.to_json().encode())
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(as_stored(weights[name]).tobytes())
    return digest.hexdigest()[:16]


def as_stored(value: NDArray[Any]) -> NDArray[Any]:
    """Convert matrices to float16; vectors are small, and a variance may exceed its range."""
    with np.errstate(over="ignore"):
        stored = value.astype(np.float16) if value.dtype.kind == "f" and value.ndim > 1 else value
    return np.asarray(stored, order="C")
