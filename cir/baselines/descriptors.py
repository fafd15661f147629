"""Encoders without learning: a vector of descriptors per sound, z-scored over a database."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np

from cir.audio.dsp import peak_normalise, resample
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray, Progress

_SMALLEST_DEVIATION = 1e-6
"""Dividing by the deviation of a descriptor that hardly varies would amplify rounding noise."""


def to_clip(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Return one sound at 16 kHz, of full peak.

    Raises:
        InputError: The sound is not 1-D, is empty, or has NaN or infinite samples.
    """
    if sound.ndim != 1 or not sound.size or not np.isfinite(sound).all():
        raise InputError(
            f"A sound of shape {sound.shape} cannot be analysed; "
            "give finite mono samples of shape (T,), T > 0."
        )
    return peak_normalise(resample(sound, sample_rate, SAMPLE_RATE))


class DescriptorEncoder(ABC):
    """An `Encoder` of z-scored descriptors, with one vector of a mixture for all families."""

    name: ClassVar[str]
    """Name in reports."""
    version: ClassVar[str]
    """First part of the identity."""
    descriptors: ClassVar[int]
    """Length D of a vector."""

    def __init__(self, mean: FloatArray, deviation: FloatArray) -> None:
        """Keep the statistics that descriptors are z-scored by, each (D,); see `fit`."""
        if mean.shape != (self.descriptors,) or deviation.shape != mean.shape:
            raise InputError(
                f"Statistics of shapes {mean.shape} and {deviation.shape}; "
                f"each must be ({self.descriptors},)."
            )
        self._mean = mean
        self._deviation = np.maximum(deviation, np.float32(_SMALLEST_DEVIATION))

    @staticmethod
    @abstractmethod
    def describe(sound: FloatArray, sample_rate: int) -> FloatArray:
        """Return the descriptors of one sound, finite float32, (D,), the same at any level.

        Raises:
            InputError: The sound cannot be analysed.
        """

    @classmethod
    def fit(cls, references: Iterable[FloatArray], sample_rate: int) -> Self:
        """Measure the statistics on the reference notes of a database, read one at a time.

        Raises:
            InputError: There are fewer than two references, or one cannot be analysed.
        """
        vectors = [cls.describe(sound, sample_rate) for sound in references]
        if len(vectors) < 2:
            raise InputError(
                f"{len(vectors)} reference sounds have no statistics; give at least 2."
            )
        table = np.stack(vectors)
        return cls(table.mean(axis=0), table.std(axis=0))

    @property
    def identity(self) -> str:
        """Name of the descriptors and the statistics."""
        digest = hashlib.sha256(self._mean.tobytes() + self._deviation.tobytes()).hexdigest()
        return f"{self.version}-{digest[:12]}"

    @property
    def embedding_size(self) -> int:
        """One number for each descriptor."""
        return self.descriptors

    @property
    def families(self) -> tuple[str, ...]:
        """None: one embedding for all."""
        return ()

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Embed sounds, (N, D), unit norm.

        Raises:
            InputError: A sound cannot be analysed.
        """
        embeddings = np.empty((len(sounds), self.embedding_size), dtype=np.float32)
        for row, sound in enumerate(sounds):
            scaled = (self.describe(sound, sample_rate) - self._mean) / self._deviation
            embeddings[row] = scaled / max(float(np.linalg.norm(scaled)), 1e-12)
            if progress is not None:
                progress((row + 1) / len(sounds), self.name)
        return embeddings

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures, the same vector for each family, (N, F, D), unit norm.

        Raises:
            InputError: A sound cannot be analysed.
        """
        embeddings = self.embed(sounds, sample_rate, progress=progress)
        return np.repeat(embeddings[:, None, :], len(families), axis=1)
