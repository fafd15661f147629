"""Methods that are evaluated: encoders, and upper bounds that are given the stems of a mixture."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from cir.errors import DatabaseError
from cir.index.database import BUNDLED_PATH
from cir.index.hubness import HubCohort, read_hubs
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


@dataclass(frozen=True)
class Corrected:
    """An encoder with the hub penalties of a database."""

    encoder: Encoder
    hubs: HubCohort

    def __post_init__(self) -> None:
        self.hubs.check_identity(self.encoder.identity)

    @property
    def identity(self) -> str:
        """Identity of the encoder."""
        return self.encoder.identity

    @property
    def families(self) -> tuple[str, ...]:
        """Families of the encoder."""
        return self.encoder.families


AnyEncoder: TypeAlias = Encoder | Corrected
Method: TypeAlias = AnyEncoder | StemListener


def as_searched(encoder: Encoder) -> Corrected:
    """Add the hub penalties of the bundled database to an encoder.

    Raises:
        DatabaseError: The bundled cohort is damaged, missing or of another model.
    """
    searched = as_searched_if_known(encoder)
    if not isinstance(searched, Corrected):
        raise DatabaseError(
            f"The bundled database has no hub penalties for the model {encoder.identity}; measure "
            "without them (leave out --as-searched), or fit them with `cir database calibrate`."
        )
    return searched


def as_searched_if_known(encoder: Encoder) -> AnyEncoder:
    """Do as `as_searched` does, but return the encoder itself if there are no penalties for it."""
    hubs = read_hubs(BUNDLED_PATH)
    if hubs is None or hubs.identity != encoder.identity:
        return encoder
    return Corrected(encoder, hubs)


class Timed:
    """A method and its computing time."""

    def __init__(self, method: Method) -> None:
        self.hubs: HubCohort | None = None
        self.method: Encoder | StemListener
        if isinstance(method, Corrected):
            self.method, self.hubs = method.encoder, method.hubs
        else:
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
