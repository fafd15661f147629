"""What can be asked to find instruments: encoders, and methods that are told more than the mix."""

import time
from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from cir.instruments.note_bank import SAMPLE_RATE
from cir.mixtures.render import Mixture
from cir.types import Encoder, FloatArray, Progress


@runtime_checkable
class StemListener(Protocol):
    """A method that is told the stems of a mixture: an upper bound, nothing one could ship."""

    @property
    def identity(self) -> str:
        """Changes with the method and with the model behind it."""

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm."""

    def embed_known(self, mixtures: Sequence[Mixture], families: Sequence[str]) -> FloatArray:
        """Embed mixtures once per family, knowing what they are made of, (N, F, D), unit norm."""


Method: TypeAlias = Encoder | StemListener


class Timed:
    """A method that remembers how long it took."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.seconds = 0.0

    @property
    def identity(self) -> str:
        """The method's own."""
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
