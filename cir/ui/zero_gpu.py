"""Calls of the model on ZeroGPU, where a Space has a GPU only while a decorated function runs.

The decorator is in the package `spaces`, which the Hub installs. Without it, or on other hardware,
models are used directly.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from cir.types import Encoder, FamilyListener, FloatArray, Progress

CALL_SECONDS = 30
"""Maximum duration of a call on the GPU; four windows of a mix take far less."""

_VARIABLE = "SPACES_ZERO_GPU"
_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def is_zero_gpu() -> bool:
    """Whether this process is a Space on ZeroGPU, where the model must be loaded before launch."""
    return os.environ.get(_VARIABLE, "").lower() in ("1", "t", "true")


def load_on_gpu(load: Callable[[], Encoder]) -> Encoder:
    """Load a model whose calls run through `spaces.GPU`, if that package is installed.

    `spaces` is imported before the model, because it makes a GPU visible to torch.
    """
    try:
        # mypy finds the repository's folder of that name instead.
        from spaces import GPU  # type: ignore[attr-defined]
    except ImportError:
        return load()
    return _OnGpu(load(), GPU(duration=CALL_SECONDS))


class _OnGpu:
    """An encoder whose calls are decorated functions.

    They run in another process, so arguments are plain values and progress is not reported.
    """

    def __init__(self, encoder: Encoder, decorate: _Decorator) -> None:
        self.identity = encoder.identity
        self.embedding_size = encoder.embedding_size
        self.families = encoder.families
        tells = isinstance(encoder, FamilyListener) and encoder.tells_families
        self.tells_families = tells
        self.mask_centres_hz = getattr(encoder, "mask_centres_hz", ())
        self.mask_hop_seconds = getattr(encoder, "mask_hop_seconds", 0.0)

        def embed(sounds: list[FloatArray], sample_rate: int) -> FloatArray:
            return encoder.embed(sounds, sample_rate)

        def embed_mixtures(
            sounds: list[FloatArray], sample_rate: int, families: list[str]
        ) -> FloatArray:
            return encoder.embed_mixtures(sounds, sample_rate, families)

        def hear(method: str, sounds: Any, sample_rate: int, families: list[str]) -> Any:
            return getattr(encoder, method)(sounds, sample_rate, families)

        self._embed = decorate(embed)
        self._hear = decorate(hear)
        self._embed_mixtures = decorate(embed_mixtures)

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """As the model, without progress."""
        return np.asarray(self._embed(list(sounds), sample_rate))

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """As the model, without progress."""
        return np.asarray(self._embed_mixtures(list(sounds), sample_rate, list(families)))

    def hear_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """As the model, without progress."""
        embeddings, presence = self._hear(
            "hear_mixtures", list(sounds), sample_rate, list(families)
        )
        return np.asarray(embeddings), np.asarray(presence)

    def family_masks(
        self, sound: FloatArray, sample_rate: int, families: Sequence[str]
    ) -> FloatArray:
        """As the model."""
        return np.asarray(self._hear("family_masks", sound, sample_rate, list(families)))
