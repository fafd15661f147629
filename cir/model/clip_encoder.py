"""What all ways of running a model share: checking, cutting into clips, and averaging."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from cir.audio.dsp import cut_windows, pad_or_trim
from cir.audio.io import check_audio, resample
from cir.instruments.families import check_families
from cir.model.network_config import AnyConfig
from cir.types import SAMPLE_RATE, FloatArray, Progress

_BATCH_SIZE = 16
_SMALLEST_NORM = 1e-12


class ClipEncoder(ABC):
    """Embeds single instruments and mixtures in one space.

    Every clip is brought to one peak and one length, whatever else is in its batch: the same sound
    always has the same embedding.
    """

    @property
    @abstractmethod
    def config(self) -> AnyConfig:
        """Sizes and families."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Names configuration and weights: encoders with the same identity embed alike."""

    @abstractmethod
    def _embed_clips(self, clips: FloatArray) -> FloatArray:
        """Embed clips of single instruments, (B, T), as unit vectors, (B, D)."""

    @abstractmethod
    def _answer(self, windows: FloatArray) -> FloatArray:
        """Return raw embeddings of windows of mixtures, (B, T): (B, 1 + families, D).

        The first is of the whole window, the others are those of the families.
        """

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding."""
        return self.config.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """Families with a query of their own; empty where a mixture has one embedding for all."""
        return self.config.families

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Embed single instruments.

        Args:
            sounds: One-dimensional waveforms; each is padded or cut to `config.note_seconds`.
            sample_rate: In Hz.
            progress: Called after each batch.

        Returns:
            (N, D) float32, unit norm.

        Raises:
            InputError: A sound is empty, silent, not finite or not one-dimensional.
        """
        clips = (
            pad_or_trim(self._prepare(sound, sample_rate), self.config.note_samples)
            for sound in sounds
        )
        embeddings = np.zeros((len(sounds), self.embedding_size), np.float32)
        done = 0
        for batch in batches(clips):
            embeddings[done : done + len(batch)] = self._embed_clips(batch)
            done += len(batch)
            if progress is not None:
                progress(done / len(sounds), f"Embedding sounds, {done} of {len(sounds)}")
        return embeddings

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures once per family.

        A mixture is read in windows of `config.mixture_seconds` that overlap by half; the windows'
        embeddings are averaged.

        Args:
            sounds: One-dimensional waveforms of any length.
            sample_rate: In Hz.
            families: Families to listen for. One without a query of its own, and every one of a
                model without queries, gets the embedding of the whole mixture.
            progress: Called after each mixture.

        Returns:
            (N, F, D) float32, unit norm.

        Raises:
            InputError: A sound is empty, silent or not finite, or there is no such family.
        """
        columns = self._columns(families)
        embeddings = np.zeros((len(sounds), len(columns), self.embedding_size), np.float32)
        for index, windows in enumerate(self._windows(sounds, sample_rate, progress)):
            answers = [self._answer(batch)[:, columns] for batch in batches(windows)]
            embeddings[index] = unit(unit(np.concatenate(answers)).mean(0))
        return embeddings

    def _columns(self, families: Sequence[str]) -> list[int]:
        """Return the column of each family in what `_answer` returns."""
        return [
            1 + self.families.index(name) if name in self.families else 0
            for name in check_families(families)
        ]

    def _prepare(self, sound: FloatArray, sample_rate: int) -> FloatArray:
        return resample(check_audio(sound, sample_rate), sample_rate, SAMPLE_RATE)

    def _windows(
        self, sounds: Sequence[FloatArray], sample_rate: int, progress: Progress | None
    ) -> Iterator[list[FloatArray]]:
        """Yield the windows of each mixture."""
        for done, sound in enumerate(sounds, 1):
            yield cut_windows(self._prepare(sound, sample_rate), self.config.mixture_samples)
            if progress is not None:
                progress(done / len(sounds), f"Listening, {done} of {len(sounds)}")


def batches(clips: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Yield clips (T,) in stacks (B, T)."""
    waiting = iter(clips)
    while batch := list(islice(waiting, _BATCH_SIZE)):
        yield np.stack(batch)


def unit(vectors: FloatArray) -> FloatArray:
    """Scale vectors (..., D) to unit norm."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, _SMALLEST_NORM), np.float32)
