"""Embeddings of a mix of any length: one per window of 10 s, and their mean.

These windows bound the memory of a search and are the cells of a timeline. Within each, the model
cuts the shorter windows that its network reads (`cir.audio.dsp`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cir.audio.dsp import peak_normalise
from cir.errors import InputError
from cir.types import SAMPLE_RATE, Encoder, FamilyListener, FloatArray, Progress

WINDOW_SECONDS = 10.0

_BATCH_WINDOWS = 4
_AUDIBLE_PEAK = 1e-3


@dataclass(frozen=True, eq=False)
class WindowEmbeddings:
    """The audible windows of a mix, and their embeddings by family."""

    families: tuple[str, ...]
    spans: tuple[tuple[float, float], ...]
    """Start and end of each window in seconds, in order, N of them."""
    energies: NDArray[np.float64]
    """Sum of squares of each window, (N,)."""
    embeddings: FloatArray
    """(N, families, D), unit norm."""
    presence: FloatArray | None = None
    """Probability that each family plays in each window, (N, families); None from a model that
    does not tell."""

    def heard(self, least: float) -> dict[str, float] | None:
        """Return the families that probably play in some window, most probable first.

        Args:
            least: Least probability of a family that counts as heard; the most probable family
                counts in any case.

        Returns:
            Probabilities by family; None if the model does not tell.
        """
        if self.presence is None:
            return None
        highest = dict(zip(self.families, self.presence.max(axis=0).tolist(), strict=True))
        order = sorted(highest, key=lambda family: -highest[family])
        return {one: highest[one] for one in order if one == order[0] or highest[one] >= least}

    def average(self) -> dict[str, FloatArray]:
        """Return the mean over the windows, weighted by energy: loud windows dominate a mix.

        Returns:
            The embedding, (D,), unit norm, by family.

        Raises:
            InputError: The embeddings cancel out.
        """
        total = np.einsum("n,nfd->fd", self.energies, self.embeddings.astype(np.float64))
        norms = np.linalg.norm(total, axis=1, keepdims=True)
        if (norms == 0).any():
            raise InputError("The parts of this sound cancel out; search for one passage of it.")
        unit = (total / norms).astype(np.float32)
        return dict(zip(self.families, unit, strict=True))


def embed_each_window(
    audio: FloatArray,
    encoder: Encoder,
    families: Sequence[str],
    progress: Progress | None = None,
) -> WindowEmbeddings:
    """Embed the windows of a mix of any length.

    Windows whose peak is 60 dB below that of the whole are left out.

    Args:
        audio: Mono at 16 kHz, (T,), not silent.
        encoder: Embeds the windows.
        families: Checked slugs.
        progress: Called after every few windows.
    """
    heard = [
        (number, window)
        for number, window in enumerate(split_windows(peak_normalise(audio)))
        if float(np.abs(window).max()) >= _AUDIBLE_PEAK
    ]
    windows = [window for _, window in heard]
    embeddings = np.empty((len(windows), len(families), encoder.embedding_size), np.float32)
    tells = isinstance(encoder, FamilyListener) and encoder.tells_families
    presence = np.zeros((len(windows), len(families)), np.float32) if tells else None
    for start in range(0, len(windows), _BATCH_WINDOWS):
        batch = slice(start, start + _BATCH_WINDOWS)
        if presence is not None and isinstance(encoder, FamilyListener):
            found, present = encoder.hear_mixtures(windows[batch], SAMPLE_RATE, families)
            embeddings[batch], presence[batch] = found, _columns(encoder, families, present)
        else:
            embeddings[batch] = encoder.embed_mixtures(windows[batch], SAMPLE_RATE, families)
        if progress is not None:
            progress(min(1.0, batch.stop / len(windows)), "Listening")
    return WindowEmbeddings(
        families=tuple(families),
        spans=tuple(
            (number * WINDOW_SECONDS, number * WINDOW_SECONDS + len(window) / SAMPLE_RATE)
            for number, window in heard
        ),
        energies=np.array([np.sum(np.square(window, dtype=np.float64)) for window in windows]),
        embeddings=embeddings,
        presence=presence,
    )


def _columns(encoder: Encoder, families: Sequence[str], presence: FloatArray) -> FloatArray:
    """Pick the columns of some families, (N, F); 0 for those that the model does not know."""
    known = {family: column for column, family in enumerate(encoder.families)}
    picked = [
        presence[:, known[family]] if family in known else np.zeros(len(presence), np.float32)
        for family in families
    ]
    return np.stack(picked, axis=1)


def embed_windows(
    audio: FloatArray,
    encoder: Encoder,
    families: Sequence[str],
    progress: Progress | None = None,
) -> dict[str, FloatArray]:
    """Embed a mix of any length once per family: the average of `embed_each_window`."""
    return embed_each_window(audio, encoder, families, progress).average()


def split_windows(audio: FloatArray) -> list[FloatArray]:
    """Cut a waveform at 16 kHz, (T,), into windows of 10 s; the last may be shorter."""
    length = round(WINDOW_SECONDS * SAMPLE_RATE)
    return [audio[start : start + length] for start in range(0, len(audio), length)]
