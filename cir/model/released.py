"""The checkpoint that the paper's authors released, read without running what is in it.

It is a pickled dictionary of `model_state_dict`, an `ASTForAudioClassification` of transformers 4
whose classifier is not used for retrieval, and `custom_config`, the settings of the training run.
"""

import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cir.errors import CheckpointError
from cir.model.network_config import EncoderConfig
from cir.schema import TENSOR_ERRORS

_LANDMARK = "embeddings.cls_token"
_TRANSFORMER = re.compile(r"(embeddings|encoder|layers|layernorm)\.")
# Keys of transformers 4, those of transformers 5. The first rules eat what later ones would match.
_RENAMED = (
    (r"^encoder\.layer\.", "layers."),
    (r"\.attention\.attention\.(query|key|value)\.", r".attention.\1."),
    (r"\.attention\.query\.", ".attention.q_proj."),
    (r"\.attention\.key\.", ".attention.k_proj."),
    (r"\.attention\.value\.", ".attention.v_proj."),
    (r"\.attention\.output\.dense\.", ".attention.o_proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
)

HOP_SAMPLES = 160
"""AST's frame shift, 10 ms at 16 kHz."""
HEAD_SIZE = 64
"""Width of an attention head in every AST of the paper's family, whatever its hidden size."""
_PREFIX = "ast."


def read_ast_weights(source: str, state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Pick the transformer out of a model that holds one, without its prefix and classifier.

    Args:
        source: What to call it in errors.
        state: Names of transformers 4 or 5, with any prefix.

    Returns:
        float32 weights, named as `ASTModel` names them.

    Raises:
        CheckpointError: It holds no transformer, several, or something that is no tensor.
    """
    landmarks = [str(key) for key in state if str(key).endswith(_LANDMARK)]
    if len(landmarks) != 1:
        raise CheckpointError(
            f"{source} should hold one Audio Spectrogram Transformer, and holds {len(landmarks)}."
        )
    prefix = landmarks[0].removesuffix(_LANDMARK)
    weights: dict[str, Tensor] = {}
    for key, value in state.items():
        name = str(key).removeprefix(prefix)
        if not str(key).startswith(prefix) or not _TRANSFORMER.match(name):
            continue
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"{source} is damaged: its {key} is no tensor; download it again."
            )
        for old, new in _RENAMED:
            name = re.sub(old, new, name)
        weights[name] = value.float()
    return weights


def is_released_checkpoint(path: str | Path) -> bool:
    """Return whether `torch.save` may have written a file, by its first bytes or entries."""
    file = Path(path).expanduser()
    if not file.is_file():
        return False
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    with file.open("rb") as stream:
        return stream.read(1) == pickle.PROTO


def load_released(path: str | Path) -> tuple[EncoderConfig, dict[str, Tensor]]:
    """Read the authors' checkpoint as one of our models without family queries.

    Optimizer state, classifier and anything else beside the transformer is left out. Only tensors
    and plain values are unpickled, so the file can run no code.

    Args:
        path: The `.pt` file.

    Returns:
        The configuration, and float32 weights named as `TimbreNetwork` names them.

    Raises:
        CheckpointError: Not such a checkpoint, a damaged one, or one that asks to run code.
    """
    file = Path(path).expanduser()
    checkpoint = _unpickle(file)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("model_state_dict"), dict):
        found = sorted(map(str, checkpoint)) if isinstance(checkpoint, dict) else type(checkpoint)
        raise CheckpointError(
            f"{file} is not a checkpoint of the paper's authors: it should be a dictionary with a "
            f"model_state_dict, and is {found}."
        )
    weights = read_ast_weights(str(file), checkpoint["model_state_dict"])
    config = _read_config(file, weights, checkpoint.get("custom_config"))
    return config, {_PREFIX + name: value for name, value in weights.items()}


def _unpickle(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{file} was refused: it holds more than tensors and plain values, and loading it "
            "could run code; give the checkpoint as its authors published it."
        ) from error
    except (*TENSOR_ERRORS, RuntimeError, EOFError, AssertionError, struct.error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{file} cannot be read as a torch checkpoint ({reason:.200}); download it again."
        ) from error


def _read_config(file: Path, weights: Mapping[str, Tensor], custom_config: object) -> EncoderConfig:
    """Sizes from the weights' shapes; the length of the log-mels from the authors' settings."""
    settings = custom_config.get("model") if isinstance(custom_config, dict) else None
    settings = settings if isinstance(settings, dict) else {}
    n_mels, frames = settings.get("num_mel_bins", 128), settings.get("max_num_mel_frames", 1024)
    if not (isinstance(n_mels, int) and isinstance(frames, int)):
        raise CheckpointError(
            f"{file} says that log-mels are {n_mels!r:.40} x {frames!r:.40}; both must be whole "
            "numbers."
        )
    try:
        projection = weights["embeddings.patch_embeddings.projection.weight"]
        hidden_size, _, patch_size, _ = projection.shape
        n_patches = weights["embeddings.position_embeddings"].shape[1] - 2
        n_layers = len({name.split(".")[1] for name in weights if name.startswith("layers.")})
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"{file} holds an incomplete transformer ({error}); download it again."
        ) from error
    strides = [
        stride
        for stride in range(1, patch_size + 1)
        if _n_patches(n_mels, frames, patch_size, stride) == n_patches
    ]
    if len(strides) != 1:
        raise CheckpointError(
            f"{file} has {n_patches} positions, which fit {len(strides)} strides of "
            f"{patch_size} x {patch_size} patches over {n_mels} x {frames} log-mels; one is needed."
        )
    return EncoderConfig(
        hidden_size=hidden_size,
        n_layers=n_layers,
        n_heads=max(1, hidden_size // HEAD_SIZE),
        patch_size=patch_size,
        frequency_stride=strides[0],
        time_stride=strides[0],
        n_mels=n_mels,
        hop_samples=HOP_SAMPLES,
        note_frames=frames,
        mixture_frames=frames,
    )


def _n_patches(n_mels: int, frames: int, patch_size: int, stride: int) -> int:
    return ((n_mels - patch_size) // stride + 1) * ((frames - patch_size) // stride + 1)
