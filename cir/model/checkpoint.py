"""A model on disk: a folder with `config.json` and `model.safetensors`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from cir.errors import CheckpointError
from cir.files import replacing
from cir.model.config import EncoderConfig

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
STORED_DTYPE = torch.float16


def save_folder(folder: Path, config: EncoderConfig, state: Mapping[str, Tensor]) -> None:
    """Write configuration and weights (as float16), each atomically, weights first."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: value.detach().cpu().to(STORED_DTYPE) for name, value in state.items()}
    with replacing(folder / WEIGHTS_NAME) as path:
        save_file({name: value.contiguous() for name, value in stored.items()}, path)
        path.chmod(0o644)  # safetensors would let only its owner read it
    with replacing(folder / CONFIG_NAME) as path:
        path.write_text(config.to_json(), encoding="utf-8")


def load_folder(folder: Path) -> tuple[EncoderConfig, dict[str, Tensor]]:
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
    config = EncoderConfig.from_json((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    try:
        state = load_file(folder / WEIGHTS_NAME)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{folder / WEIGHTS_NAME} is damaged ({error}); download or save the model again."
        ) from error
    return config, {name: value.float() for name, value in state.items()}


def identify(config: EncoderConfig, state: Mapping[str, Tensor]) -> str:
    """Sixteen hexadecimal digits that two models share only if they embed alike.

    Weights count as they would be stored, so a model keeps its identity through a save.
    """
    digest = hashlib.sha256(config.to_json().encode())
    for name in sorted(state):
        digest.update(name.encode())
        value = state[name].detach().cpu().to(STORED_DTYPE).contiguous()
        digest.update(value.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
