"""Methods that are evaluated: encoders, and upper bounds that are given the stems of a mixture."""

import time
from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from cir.mixtures.render import Mixture
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Progress


@runtime_checkable
class StemListener(Protocol):
    """A method that is given the stems of a mixture: an upper bound."""

    @property
    def identity(self) -> str:
        """Identity of the method and of its model."""

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm."""

    def embed_known(self, mixtures: Sequence[Mixture], families: Sequence[str]) -> FloatArray:
        """Embed mixtures, given their stems, once per family, (N, F, D), unit norm."""


Method: TypeAlias = Encoder | StemListener


class Timed:
    """A method and its computing time."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.seconds = 0.0

    @property
    def identity(self) -> str:
        """Identity of the method."""
        return self.method.identity

    def embed(self, sounds: Sequence[FloatArray]) -> FloatArray:
        """Embed single instruments at 16 kHz, (N, D)."""
        started = time.perf_counter()
        embeddings = self.method.embed(sounds, SAMPLE_RATE)
        self.seconds += time.perf_counter() - started
        return embeddings

    def listen(self, mixtures: Sequence[Mixture], families: Sequence[str]) -> FloatArray:
        """Embed mixtures once per family, (N, F, D)."""
        started = time.perf_counter()
        if isinstance(self.method, StemListener):
            embeddings = self.method.embed_known(mixtures, families)
        else:
            mixes = [one.mix for one in mixtures]
            embeddings = self.method.embed_mixtures(mixes, SAMPLE_RATE, families)
        self.seconds += time.perf_counter() - started
        return embeddings
