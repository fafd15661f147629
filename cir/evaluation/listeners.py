"""What can be asked to find instruments: encoders, and methods that are told more than the mix."""

import time
from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from cir.index.database import BUNDLED_PATH
from cir.index.hubness import HubCohort, read_hubs
from cir.mixtures.render import Mixture
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Progress


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


class Corrected:
    """An encoder as a database asks it: instruments that are near to every mixture marked down."""

    def __init__(self, encoder: Encoder, hubs: HubCohort) -> None:
        hubs.check_identity(encoder.identity)
        self.encoder = encoder
        self.hubs = hubs

    @property
    def identity(self) -> str:
        """See `Encoder`."""
        return self.encoder.identity

    @property
    def embedding_size(self) -> int:
        """See `Encoder`."""
        return self.encoder.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """See `Encoder`."""
        return self.encoder.families

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """See `Encoder`."""
        return self.encoder.embed(sounds, sample_rate, progress=progress)

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """See `Encoder`."""
        return self.encoder.embed_mixtures(sounds, sample_rate, families, progress=progress)


def as_searched(encoder: Encoder) -> Encoder:
    """The encoder as the bundled database asks it, where that is of the same model.

    Raises:
        DatabaseError: The bundled cohort is damaged.
    """
    hubs = read_hubs(BUNDLED_PATH)
    if hubs is None or hubs.identity != encoder.identity:
        return encoder
    return Corrected(encoder, hubs)


Method: TypeAlias = Encoder | StemListener


class Timed:
    """A method that remembers how long it took."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.hubs = method.hubs if isinstance(method, Corrected) else None
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
