"""Saving and loading of models: configuration, weights and the card beside them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from cir.errors import CheckpointError
from cir.files import replacing
from cir.model.architectures import AnyConfig, read_config
from cir.model.network_config import ConvAstConfig
from cir.schema import TENSOR_ERRORS
from cir.types import SAMPLE_RATE

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
from cir import TimbreEncoder

encoder = TimbreEncoder.from_pretrained("FOLDER_OR_HUB_ID")
embedding = encoder.embed([audio], sample_rate)  # (1, {embedding_size})
```
"""

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"


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


def save_folder(folder: Path, config: AnyConfig, state: Mapping[str, Tensor]) -> None:
    """Write configuration and weights (matrices as float16), each atomically, weights first."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / WEIGHTS_NAME) as path:
        path.write_bytes(save({name: _as_stored(value) for name, value in state.items()}))
    with replacing(folder / CONFIG_NAME) as path:
        path.write_text(config.to_json(), encoding="utf-8")


def load_folder(folder: Path) -> tuple[AnyConfig, dict[str, Tensor]]:
    """Read what `save_folder` wrote, weights as float32.

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
        state = load_file(folder / WEIGHTS_NAME)
    except TENSOR_ERRORS as error:
        raise CheckpointError(
            f"{folder / WEIGHTS_NAME} is damaged ({error}); download or save the model again."
        ) from error
    if broken := [name for name, value in state.items() if not value.isfinite().all()]:
        raise CheckpointError(
            f"{folder / WEIGHTS_NAME} is damaged: {broken[0]} is not finite; download or save the "
            "model again."
        )
    return config, {
        name: value.float() if value.is_floating_point() else value for name, value in state.items()
    }


def identify(config: AnyConfig, state: Mapping[str, Tensor]) -> str:
    """Return sixteen hexadecimal digits that identify how a model embeds.

    Weights are hashed as they are stored, so that saving does not change them.
    """
    digest = hashlib.sha256(config.to_json().encode())
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(_as_stored(state[name]).numpy().tobytes())
    return digest.hexdigest()[:16]


def _as_stored(value: Tensor) -> Tensor:
    """Convert matrices to float16; vectors are small, and a variance may exceed its range."""
    value = value.detach().cpu().contiguous()
    return value.half() if value.is_floating_point() and value.ndim > 1 else value
