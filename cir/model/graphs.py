"""The networks of a model as ONNX, without weights: a small zip beside `model.safetensors`.

A graph names its weights as the network does. They are read from `model.safetensors`, the one place
where they are, so that a graph cannot hold others than the identity of the model says.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from cir.errors import CheckpointError
from cir.files import replacing
from cir.model.checkpoint import GRAPHS_NAME
from cir.schema import parse_json

FORMAT_VERSION: Final = 2
INPUT_NAME = "levels"
"""Levels of one clip, (1, frames, bands)."""
NOTES, MIXTURES = "notes", "mixtures"
"""Graphs: a note's unit embedding, (1, D); what a window of a mixture has, see `OUTPUTS`."""
OUTPUTS = ("embeddings", "presence", "shares")
"""Raw embeddings, (1, 1 + families, D), logits of presence, (1, families), and shares of families
and others in its cells; a model without families has the embeddings alone."""
MAKE_THEM = "make them with `cir export MODEL_FOLDER`"
"""Advice for graphs that cannot be used."""

_INDEX_NAME = "index.json"
_MAX_BYTES = 64 << 20
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Index:
    """What a file of graphs says of them."""

    format_version: Annotated[int, Field(ge=1)]
    config: str
    """`config.json` of the model that they were made for."""
    weights: dict[str, tuple[str, ...]]
    """By graph: the weights that it reads."""


@dataclass(frozen=True, eq=False)
class Graphs:
    """Graphs in memory."""

    index: Index
    models: MappingProxyType[str, bytes]
    """By name: serialised ONNX."""


def write_graphs(folder: Path, graphs: Graphs) -> Path:
    """Write the graphs of a model into its folder; the same graphs always give the same file."""
    contents = {
        _INDEX_NAME: json.dumps(asdict(graphs.index), indent=1).encode(),
        **{f"{name}.onnx": content for name, content in graphs.models.items()},
    }
    with replacing(folder / GRAPHS_NAME) as path, zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, _DATE)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return folder / GRAPHS_NAME


def read_graphs(folder: Path) -> Graphs:
    """Read what `write_graphs` wrote.

    Raises:
        CheckpointError: The file is missing, damaged or of another version.
    """
    path = folder / GRAPHS_NAME
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
                raise CheckpointError(f"{path} is larger than any graph; {MAKE_THEM}.")
            contents = {name: archive.read(name) for name in archive.namelist()}
        text = contents.pop(_INDEX_NAME)
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); {MAKE_THEM}.") from None
    index = parse_json(text, Index, str(path), error=CheckpointError)
    models = {name.removesuffix(".onnx"): content for name, content in contents.items()}
    if index.format_version != FORMAT_VERSION or models.keys() != index.weights.keys():
        raise CheckpointError(f"{path} is of another version of cir; {MAKE_THEM}.")
    return Graphs(index, MappingProxyType(models))
