"""Making the graphs of a model, with torch."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from cir.errors import CheckpointError
from cir.model.clip_encoder import ClipEncoder
from cir.model.conv_ast import ConvAst
from cir.model.encoder import TimbreEncoder
from cir.model.graphs import (
    FORMAT_VERSION,
    INPUT_NAME,
    MIXTURES,
    NOTES,
    OUTPUTS,
    Graphs,
    Index,
    write_graphs,
)
from cir.model.onnx_encoder import OnnxEncoder
from cir.types import SAMPLE_RATE, FloatArray

TOLERANCE = 1e-4
"""Largest difference between the embeddings of torch and of the graphs."""
_OPSET = 20
_PREFIX = "network."


_Answer: TypeAlias = Callable[[ConvAst, Tensor], tuple[Tensor, ...]]


class _Answers(nn.Module):
    """A function of a network as a module, which is what torch exports."""

    def __init__(self, network: ConvAst, answer: _Answer) -> None:
        super().__init__()
        self.network = network
        self.answer = answer

    def forward(self, levels: Tensor) -> tuple[Tensor, ...]:
        """(1, frames, bands) to the outputs of a graph."""
        return self.answer(self.network, levels)


def export_graphs(folder: str | Path) -> float:
    """Write the graphs of a model beside its weights, and try them.

    Args:
        folder: What `TimbreEncoder.save_pretrained` wrote.

    Returns:
        The largest difference between an embedding by torch and by the graphs.

    Raises:
        CheckpointError: There is no model, it is an AST, or the graphs embed otherwise.
    """
    encoder = TimbreEncoder.from_pretrained(folder, device="cpu")
    network = encoder.network
    if not isinstance(network, ConvAst):
        raise CheckpointError(
            f"{folder} is a model of architecture {network.config.ARCHITECTURE}: graphs are made "
            f"of {ConvAst.__name__} alone; torch runs this one."
        )
    config = network.config
    exported = {
        NOTES: _export(network, _embed_notes, OUTPUTS[:1], max(config.heard_frames)),
        MIXTURES: _export(
            network, _listen, OUTPUTS if config.families else OUTPUTS[:1], config.mixture_frames
        ),
    }
    weights = {name: read for name, (_, read) in exported.items()}
    index = Index(FORMAT_VERSION, config.to_json(), weights)
    models = MappingProxyType({name: content for name, (content, _) in exported.items()})
    path = write_graphs(Path(folder), Graphs(index, models))
    difference = compare(encoder, OnnxEncoder(folder))
    if difference > TOLERANCE:
        path.unlink()
        raise CheckpointError(
            f"The graphs of {folder} embed otherwise than torch, by up to {difference:.2g}: "
            "export with the versions of torch and onnxruntime in requirements.txt."
        )
    return difference


def compare(one: TimbreEncoder, other: OnnxEncoder) -> float:
    """Return the largest difference between two encoders' answers to a few sounds."""
    generator = np.random.default_rng(0)
    seconds = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    noise = generator.standard_normal(len(seconds)) * np.exp(-seconds)
    tones = sum(np.sin(2 * np.pi * 110 * n * seconds) / n for n in range(1, 20))
    sounds = [np.asarray(sound, np.float32) for sound in (noise, tones, tones + noise)]
    families = one.families or ("bass",)

    def answers(encoder: ClipEncoder) -> list[FloatArray]:
        embeddings = encoder.embed(sounds, SAMPLE_RATE)
        answered, present = encoder.hear_mixtures(sounds, SAMPLE_RATE, families)
        if not encoder.tells_families:
            return [embeddings, answered]
        masks = [encoder.family_masks(sound, SAMPLE_RATE, families) for sound in sounds]
        return [embeddings, answered, present, *masks]

    pairs = zip(answers(one), answers(other), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def _embed_notes(network: ConvAst, levels: Tensor) -> tuple[Tensor, ...]:
    return (normalize(network.embed_notes(levels), dim=-1),)


def _listen(network: ConvAst, levels: Tensor) -> tuple[Tensor, ...]:
    if network.mixtures is None or network.family_head is None:
        return (network.listen(levels).with_overall,)
    tokens = network.mixtures(levels)
    heard = network.family_head(tokens)
    shares = network.family_head.mask_logits(tokens).softmax(1)
    return heard.with_overall, heard.presence, shares


def _export(
    network: ConvAst, answer: _Answer, outputs: Sequence[str], n_frames: int
) -> tuple[bytes, tuple[str, ...]]:
    """Return serialised ONNX without weights, and the names of these."""
    levels = torch.zeros(1, n_frames, network.config.bands.n_bands)
    with _quiet():
        program: Any = torch.onnx.export(
            _Answers(network, answer).eval(),
            (levels,),
            input_names=[INPUT_NAME],
            output_names=list(outputs),
            opset_version=_OPSET,
            dynamo=True,
            optimize=False,  # it would make new weights of ours; ONNX Runtime does so as it loads
            verbose=False,
        )
    model = program.model_proto
    renamed = {one.name: one.name.removeprefix(_PREFIX) for one in model.graph.initializer}
    for weight in model.graph.initializer:
        weight.name = renamed[weight.name]
        weight.ClearField("raw_data")
        weight.ClearField("metadata_props")
        weight.data_location = type(weight).EXTERNAL
        weight.external_data.add(key="location", value="model.safetensors")
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.ClearField("metadata_props")  # where in our code it came from
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    return model.SerializeToString(deterministic=True), tuple(renamed.values())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what the exporter says of packages that it could also serve."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logger = logging.getLogger("torch.onnx")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
