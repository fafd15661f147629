"""Upper bounds of any separation: methods that are told what a mixture is made of."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from cir.baselines.phrases import MIXTURES_AT_ONCE, WINDOW_SECONDS, PhraseEncoder
from cir.instruments.families import check_families
from cir.mixtures.render import Mixture
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Progress


class KnownStems(ABC):
    """Embeds the stems of mixtures with a single-instrument encoder, each as a phrase.

    A family that plays twice in a mixture is heard as the sum of both stems; for one that does not
    play, the whole mixture is embedded.

    Args:
        encoder: embeds the windows of the stems.
        window_seconds: their length; see `PhraseEncoder`.
    """

    name: ClassVar[str]

    def __init__(self, encoder: Encoder, window_seconds: float = WINDOW_SECONDS) -> None:
        self._phrases = PhraseEncoder(encoder, window_seconds)

    @abstractmethod
    def stems(self, mixture: Mixture) -> FloatArray:
        """What is heard of each of the mixture's stems, (S, T)."""

    @property
    def identity(self) -> str:
        """Names the method, the encoder and the windows."""
        return f"{self.name}+{self._phrases.identity}"

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding: the encoder's."""
        return self._phrases.encoder.embedding_size

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm, as the encoder does."""
        return self._phrases.encoder.embed(sounds, sample_rate, progress=progress)

    def embed_known(self, mixtures: Sequence[Mixture], families: Sequence[str]) -> FloatArray:
        """Embed mixtures once per family, (N, F, D), unit norm.

        Raises:
            InputError: there is no such family.
        """
        names = check_families(families)
        embeddings = np.zeros((len(mixtures), len(names), self.embedding_size), np.float32)
        for start in range(0, len(mixtures), MIXTURES_AT_ONCE):
            chunk = mixtures[start : start + MIXTURES_AT_ONCE]
            embeddings[start : start + len(chunk)] = self._phrases.embed_stems(
                [one.mix for one in chunk],
                [_members(one, names) @ self.stems(one) for one in chunk],
                SAMPLE_RATE,
            )
        return embeddings


class TrueStems(KnownStems):
    """The stems themselves, without the effects on the mix: what a perfect separation would give.

    What is left to fail is the encoder, which knows notes and hears phrases.
    """

    name = "true-stems"

    def stems(self, mixture: Mixture) -> FloatArray:
        """As they were mixed, (S, T)."""
        return mixture.stems


def _members(mixture: Mixture, families: Sequence[str]) -> FloatArray:
    """1 where a stem of the mixture is of a family, (F, S)."""
    playing = mixture.plan.families
    return np.array([[one == family for one in playing] for family in families], np.float32)
