"""Phrases of one instrument, read note by note by a model that knows only notes."""

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
"""How many mixtures to take apart before their windows are embedded, some 200 of three families."""

#: Power of a window relative to the loudest of its phrase: 40 dB below it there is only what a
#: separation left over.
_FAINTEST = 1e-4


class PhraseEncoder:
    """Embeds a phrase as the mean of what a single-instrument encoder says of its windows.

    Windows overlap by half; those 40 dB or more below the loudest one of their phrase are skipped.

    Args:
        encoder: embeds the windows.
        window_seconds: how long they are. A shorter phrase is one window.

    Raises:
        InputError: the windows have no length.
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
        self,
        phrases: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed phrases of one instrument each, (N, D), unit norm.

        Args:
            phrases: waveforms (T,) of any length and level, not silent.
            sample_rate: theirs, in Hz.
            progress: told how far it is.

        Raises:
            InputError: a phrase is empty, silent or not finite.
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
        self,
        mixes: Sequence[FloatArray],
        stems: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed what was taken out of mixtures, all windows of all of them in one call.

        A stem 80 dB or more below its mixture says nothing: the whole mixture is read in its place.

        Args:
            mixes: waveforms (T,) of any length, not silent.
            stems: one for each thing that is searched for, (F, T) per mixture.
            sample_rate: of all, in Hz.
            progress: told how far it is.

        Returns:
            (N, F, D), unit norm.

        Raises:
            InputError: a mixture is empty, silent or not finite.
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
        embeddings = self.embed(phrases, sample_rate, progress=progress)
        return embeddings[rows].reshape(len(mixes), -1, embeddings.shape[1])


def _loud_windows(phrase: FloatArray, n_samples: int) -> list[FloatArray]:
    """Windows of a phrase at full level, but for those that hold next to nothing."""
    windows = cut_windows(peak_normalise(phrase), n_samples)
    powers = np.array([np.mean(np.square(window, dtype=np.float64)) for window in windows])
    return [windows[number] for number in np.flatnonzero(powers >= _FAINTEST * powers.max())]
