"""Weights of an AST by the names of transformers 5, whichever version saved them."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from cir.errors import CheckpointError

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
