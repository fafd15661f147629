"""A model in ONNX Runtime: all that a search needs, without torch."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cir.audio.clip_levels import clip_levels
from cir.errors import CheckpointError
from cir.model.checkpoint import BUNDLED_MODEL, identify, load_folder
from cir.model.clip_encoder import ClipEncoder
from cir.model.graphs import INPUT_NAME, MAKE_THEM, MIXTURES, NOTES, read_graphs
from cir.model.network_config import ConvAstConfig
from cir.types import FloatArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_THREADS = {NOTES: 1, MIXTURES: min(2, os.cpu_count() or 1)}
"""A second one shortens a window of a mixture from 60 to 36 ms, for 7 % more processor time; a note
gains 7 of 40 ms for 37 %, and notes come in numbers, which other processes share."""


class OnnxEncoder(ClipEncoder):
    """The graphs and weights of a model folder, on the CPU.

    Embeddings equal those of `TimbreEncoder` within 1e-4. The network reads one clip at a time, so
    that what it says of a clip depends on nothing else.
    """

    def __init__(self, folder: str | Path = BUNDLED_MODEL) -> None:
        """Read a model.

        Args:
            folder: What `TimbreEncoder.save_pretrained` wrote and `cir export` added to.

        Raises:
            CheckpointError: A file is missing, damaged or of another model.
        """
        self._folder = Path(folder)
        config, self._weights = load_folder(self._folder)
        self._graphs = read_graphs(self._folder)
        if not isinstance(config, ConvAstConfig) or config.to_json() != self._graphs.index.config:
            raise CheckpointError(
                f"The graphs in {self._folder} are of a model with another config.json; "
                f"{MAKE_THEM}."
            )
        self._config = config

    @property
    def config(self) -> ConvAstConfig:
        """Sizes and families."""
        return self._config

    @cached_property
    def identity(self) -> str:
        """Names configuration and weights: encoders with the same identity embed alike."""
        return identify(self.config, self._weights)

    def _embed_clips(self, clips: FloatArray) -> FloatArray:
        return self._run(self._notes, clips)[0]

    def _answer(self, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
        embeddings, *others = self._run(self._mixtures, windows)
        return embeddings, others[0] if others else np.zeros((len(windows), 0), np.float32)

    def _share_out(self, windows: FloatArray) -> FloatArray:
        return self._run(self._mixtures, windows)[2]

    def _run(self, session: "InferenceSession", clips: FloatArray) -> list[FloatArray]:
        """Return all outputs of a graph, each stacked over clips."""
        levels = (clip_levels(clip, self.config.bands)[None] for clip in clips)
        outputs = [session.run(None, {INPUT_NAME: one}) for one in levels]
        return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]

    @cached_property
    def _notes(self) -> "InferenceSession":
        return self._start(NOTES)

    @cached_property
    def _mixtures(self) -> "InferenceSession":
        return self._start(MIXTURES)

    def _start(self, name: str) -> "InferenceSession":
        """Give a graph its weights."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = _THREADS[name]
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            names = self._graphs.index.weights[name]
            arrays = [np.asarray(self._weights[one], np.float32) for one in names]
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays]
            options.add_external_initializers(list(names), values)
            return onnxruntime.InferenceSession(
                self._graphs.models[name], options, providers=["CPUExecutionProvider"]
            )
        except _graph_errors() as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"The graph of {name} in {self._folder} does not fit its weights "
                f"({reason:.200}); {MAKE_THEM}."
            ) from None


def _graph_errors() -> tuple[type[Exception], ...]:
    """Return the errors of graphs and weights; those of the runtime have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    return (KeyError, RuntimeError, *(getattr(state, name) for name in names))
