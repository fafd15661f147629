"""Phrases of one instrument, read note by note by a model that knows only notes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from cir.audio.audible import SILENT_PEAK
from cir.audio.dsp import peak_normalise
from cir.errors import InputError
from cir.model.windows import cut_windows
from cir.types import Encoder, FloatArray, Progress

WINDOW_SECONDS = 2.5
"""About as long as the notes that a single-instrument encoder was trained on."""
MIXTURES_AT_ONCE = 8
"""Mixtures taken apart before their windows are embedded, some 200 windows of three families."""
_FAINTEST = 1e-4


class PhraseEncoder:
    """Embeds a phrase as the mean of what a single-instrument encoder says of its windows.

    Windows overlap by half; those 40 dB or more below the loudest one of their phrase are skipped.

    Args:
        encoder: Embeds the windows.
        window_seconds: Their length. A shorter phrase is one window.

    Raises:
        InputError: The windows have no length.
    """

    def __init__(self, encoder: Encoder, window_seconds: float = WINDOW_SECONDS) -> None:
        if not window_seconds > 0:
            raise InputError(
                f"Windows of {window_seconds} s cannot be embedded; give a positive length, such "
                f"as {WINDOW_SECONDS}."
            )
        self.encoder = encoder
        self.window_seconds = window_seconds

    @property
    def identity(self) -> str:
        """Changes with the encoder and the windows."""
        return f"{self.encoder.identity}-in-{self.window_seconds:g}s"

    def embed(
        self, phrases: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Embed phrases of one instrument each, (N, D), unit norm.

        Args:
            phrases: Waveforms (T,) of any length and level, not silent.
            sample_rate: In Hz.
            progress: Called by the encoder.

        Raises:
            InputError: A phrase is empty, silent or not finite.
        """
        n_samples = max(1, round(self.window_seconds * sample_rate))
        windows: list[FloatArray] = []
        owners: list[int] = []
        for owner, phrase in enumerate(phrases):
            heard = _loud_windows(phrase, n_samples)
            windows += heard
            owners += [owner] * len(heard)
        embeddings = self.encoder.embed(windows, sample_rate, progress=progress)  # (W, D)
        totals = np.zeros((len(phrases), self.encoder.embedding_size), np.float64)
        np.add.at(totals, owners, embeddings)
        norms = np.linalg.norm(totals, axis=1, keepdims=True)
        return np.asarray(totals / np.maximum(norms, 1e-12), dtype=np.float32)

    def embed_stems(
        self, mixes: Sequence[FloatArray], stems: Sequence[FloatArray], sample_rate: int
    ) -> FloatArray:
        """Embed what was taken out of mixtures, all windows of all of them in one call.

        For a stem 80 dB or more below its mixture, the whole mixture is embedded.

        Args:
            mixes: Waveforms (T,) of any length, not silent.
            stems: One for each family that is searched for, (F, T) per mixture.
            sample_rate: In Hz.

        Returns:
            (N, F, D), unit norm.

        Raises:
            InputError: A mixture is empty, silent or not finite.
        """
        phrases: list[FloatArray] = []
        rows: list[int] = []
        for mix, parts in zip(mixes, stems, strict=True):
            audible = np.abs(parts).max(axis=1) > SILENT_PEAK * np.abs(mix).max()
            numbers: dict[bytes, int] = {}  # families may share a stem: it is embedded once
            for part, is_audible in zip(parts, audible, strict=True):
                phrase = part if is_audible else mix
                number = numbers.setdefault(phrase.tobytes(), len(phrases))
                if number == len(phrases):
                    phrases.append(phrase)
                rows.append(number)
        embeddings = self.embed(phrases, sample_rate)
        return embeddings[rows].reshape(len(mixes), -1, embeddings.shape[1])


class StemsEncoder(ABC):
    """Embeds single instruments as an encoder does, and stems of mixtures as phrases.

    Args:
        encoder: Embeds single instruments, and the windows of the stems.
        window_seconds: Length of the windows; see `PhraseEncoder`.
    """

    def __init__(self, encoder: Encoder, window_seconds: float = WINDOW_SECONDS) -> None:
        self._phrases = PhraseEncoder(encoder, window_seconds)

    @property
    @abstractmethod
    def method(self) -> str:
        """Name of what gives the stems."""

    @property
    def identity(self) -> str:
        """Name of the method, the encoder and the windows."""
        return f"{self.method}+{self._phrases.identity}"

    @property
    def embedding_size(self) -> int:
        """Length D of an embedding: the encoder's."""
        return self._phrases.encoder.embedding_size

    def embed(
        self, sounds: Sequence[FloatArray], sample_rate: int, *, progress: Progress | None = None
    ) -> FloatArray:
        """Embed single instruments, (N, D), unit norm, as the encoder does."""
        return self._phrases.encoder.embed(sounds, sample_rate, progress=progress)


def _loud_windows(phrase: FloatArray, n_samples: int) -> list[FloatArray]:
    """Return the windows of a phrase at full level, without the faintest ones."""
    windows = cut_windows(peak_normalise(phrase), n_samples)
    powers = np.array([np.mean(np.square(window, dtype=np.float64)) for window in windows])
    return [windows[number] for number in np.flatnonzero(powers >= _FAINTEST * powers.max())]
