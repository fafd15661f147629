"""First separate, then recognise: what mixtures are compared with in the paper (its Table 2)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cir.audio.io import check_audio
from cir.baselines.phrases import MIXTURES_AT_ONCE, WINDOW_SECONDS, PhraseEncoder
from cir.errors import InputError
from cir.instruments.families import FAMILIES, check_families
from cir.types import Encoder, FloatArray, Progress


class Separator(Protocol):
    """Takes a mixture apart, by family."""

    @property
    def identity(self) -> str:
        """Changes with whatever changes what is separated."""

    def separate(self, sound: FloatArray, sample_rate: int, families: Sequence[str]) -> FloatArray:
        """Return the stem that goes with each family, (F, T).

        Args:
            sound: mono, (T,), finite and not silent.
            sample_rate: its own, and that of the stems, in Hz.
            families: slugs. Some may share a stem.
        """


class SeparatedEncoder:
    """An `Encoder` of single instruments that reads mixtures through a separator.

    Each family's stem is embedded as a phrase, see `PhraseEncoder`. Where the separator finds
    nothing, the whole mixture is embedded in the stem's place: the query still has an answer.

    Args:
        encoder: embeds the windows of the stems.
        separator: takes the mixtures apart.
        window_seconds: length of the windows.
    """

    def __init__(
        self, encoder: Encoder, separator: Separator, window_seconds: float = WINDOW_SECONDS
    ) -> None:
        self._phrases = PhraseEncoder(encoder, window_seconds)
        self._encoder = encoder
        self._separator = separator

    @property
    def identity(self) -> str:
        """Names the separator, the encoder and the windows."""
        return f"{self._separator.identity}+{self._phrases.identity}"

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding: the encoder's."""
        return self._encoder.embedding_size

    @property
    def families(self) -> tuple[str, ...]:
        """All: each has a stem, if not always one of its own."""
        return FAMILIES

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm; nothing is separated."""
        return self._encoder.embed(sounds, sample_rate, progress=progress)

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures once per family, (N, F, D), unit norm.

        Raises:
            InputError: a sound is empty, silent or not finite, there is no such family, or the
                separator's answer has the wrong shape.
        """
        names = check_families(families)
        embeddings = np.zeros((len(sounds), len(names), self.embedding_size), np.float32)
        for start in range(0, len(sounds), MIXTURES_AT_ONCE):
            done = min(start + MIXTURES_AT_ONCE, len(sounds))
            mixes = [check_audio(sound, sample_rate) for sound in sounds[start:done]]
            stems = [self._separate(mix, sample_rate, names) for mix in mixes]
            embeddings[start:done] = self._phrases.embed_stems(mixes, stems, sample_rate)
            if progress is not None:
                progress(done / len(sounds), f"Separating, {done} of {len(sounds)}")
        return embeddings

    def _separate(self, mix: FloatArray, sample_rate: int, families: Sequence[str]) -> FloatArray:
        stems = self._separator.separate(mix, sample_rate, families)
        if stems.shape != (len(families), len(mix)) or not np.isfinite(stems).all():
            raise InputError(
                f"The separator {self._separator.identity} returned {stems.shape} for "
                f"{len(families)} families and {len(mix)} samples; it must return finite stems "
                f"of shape ({len(families)}, {len(mix)})."
            )
        return stems
