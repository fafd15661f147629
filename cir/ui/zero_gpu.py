"""The model's calls on ZeroGPU, where a Space has a GPU only while a decorated function runs.

The decorator comes with the package `spaces`, which the Hub installs. Without it, or on hardware of
another kind, nothing here changes anything.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from cir.types import Encoder, FloatArray, Progress

CALL_SECONDS = 30
"""Longest that a call may hold the GPU; four windows of a mix take far less."""

_VARIABLE = "SPACES_ZERO_GPU"
_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def is_zero_gpu() -> bool:
    """Whether this process is a Space on ZeroGPU: the model must be there before the page."""
    return os.environ.get(_VARIABLE, "").lower() in ("1", "t", "true")


def load_on_gpu(load: Callable[[], Encoder]) -> Encoder:
    """Load a model whose calls run through `spaces.GPU`, where there is such a thing.

    `spaces` comes before the model: it is what makes torch see a GPU.
    """
    try:
        # To mypy it is the repository's own folder of that name.
        from spaces import GPU  # type: ignore[attr-defined]
    except ImportError:
        return load()
    return _OnGpu(load(), GPU(duration=CALL_SECONDS))


class _OnGpu:
    """An encoder whose calls are decorated functions.

    They run in a process of their own, so that arguments and results are arrays, names and numbers,
    and progress is not passed on.
    """

    def __init__(self, encoder: Encoder, decorate: _Decorator) -> None:
        self._encoder = encoder

        def embed(sounds: list[FloatArray], sample_rate: int) -> FloatArray:
            return encoder.embed(sounds, sample_rate)

        def embed_mixtures(
            sounds: list[FloatArray], sample_rate: int, families: list[str]
        ) -> FloatArray:
            return encoder.embed_mixtures(sounds, sample_rate, families)

        self._embed = decorate(embed)
        self._embed_mixtures = decorate(embed_mixtures)

    @property
    def identity(self) -> str:
        """Of the model."""
        return self._encoder.identity

    @property
    def embedding_size(self) -> int:
        """Of the model."""
        return self._encoder.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """Of the model."""
        return self._encoder.families

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Do as the model does."""
        return np.asarray(self._embed(list(sounds), sample_rate))

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Do as the model does."""
        return np.asarray(self._embed_mixtures(list(sounds), sample_rate, list(families)))
