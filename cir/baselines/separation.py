"""First separate, then recognise: what mixtures are compared with in the paper (its Table 2)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cir.audio.io import check_audio
from cir.baselines.phrases import MIXTURES_AT_ONCE, WINDOW_SECONDS, StemsEncoder
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
            sound: Mono, (T,), finite and not silent.
            sample_rate: Of the sound and of the stems, in Hz.
            families: Slugs. Some may share a stem.
        """


class SeparatedEncoder(StemsEncoder):
    """An `Encoder` of single instruments that reads mixtures through a separator.

    Each family's stem is embedded as a phrase. Where the separator finds nothing, the whole mixture
    is embedded instead, so that the query still has an answer.

    Args:
        encoder: Embeds single instruments, and the windows of the stems.
        separator: Takes the mixtures apart.
        window_seconds: Length of the windows; see `PhraseEncoder`.
    """

    def __init__(
        self, encoder: Encoder, separator: Separator, window_seconds: float = WINDOW_SECONDS
    ) -> None:
        super().__init__(encoder, window_seconds)
        self._separator = separator

    @property
    def method(self) -> str:
        """Name of the separator."""
        return self._separator.identity

    @property
    def families(self) -> tuple[str, ...]:
        """All families: each has a stem, though not always one of its own."""
        return FAMILIES

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
            InputError: A sound is empty, silent or not finite, there is no such family, or the
                separator returned a wrong shape.
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
