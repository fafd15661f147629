"""The baseline that every learned embedding has to beat: mean and deviation of the MFCCs, z-scored.

The cepstra are librosa's (Slaney mel scale and norm, decibels with a floor 80 dB below the loudest
band, orthonormal DCT-II), computed by two matrix products per clip.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cir.audio.dsp import peak_normalise, resample
from cir.errors import InputError
from cir.types import FloatArray, Progress

SAMPLE_RATE = 16_000
FFT_SAMPLES = 1024
HOP_SAMPLES = 512
MEL_BANDS = 128
COEFFICIENTS = 20
RANGE_DB = 80.0

_POWER_FLOOR = 1e-10
#: Dividing by the deviation of a feature that hardly moves would blow up rounding noise.
_SMALLEST_DEVIATION = 1e-6


class MfccEncoder:
    """An `Encoder` without learning: mean and deviation of 20 MFCCs over time, z-scored.

    It knows nothing of families: a mixture has the same vector for each.
    """

    def __init__(self, mean: FloatArray, deviation: FloatArray) -> None:
        """Take the statistics that features are z-scored by, each (40,); see `fit`."""
        if mean.shape != (2 * COEFFICIENTS,) or deviation.shape != mean.shape:
            raise InputError(
                f"Statistics of shapes {mean.shape} and {deviation.shape}; "
                f"each must be ({2 * COEFFICIENTS},)."
            )
        self._mean = mean
        self._deviation = np.maximum(deviation, np.float32(_SMALLEST_DEVIATION))

    @classmethod
    def fit(cls, references: Iterable[FloatArray], sample_rate: int) -> "MfccEncoder":
        """Measure the statistics on the reference notes of a database; reads them one at a time.

        Raises:
            InputError: There are fewer than two references.
        """
        features = [mfcc_statistics(sound, sample_rate) for sound in references]
        if len(features) < 2:
            raise InputError(
                f"{len(features)} reference sounds have no statistics; give at least 2."
            )
        table = np.stack(features)
        return cls(table.mean(axis=0), table.std(axis=0))

    @property
    def identity(self) -> str:
        """Changes with the statistics."""
        digest = hashlib.sha256(self._mean.tobytes() + self._deviation.tobytes()).hexdigest()
        return f"mfcc-{COEFFICIENTS}-mean-std-{digest[:12]}"

    @property
    def embedding_size(self) -> int:
        """Two numbers for each coefficient."""
        return 2 * COEFFICIENTS

    @property
    def families(self) -> tuple[str, ...]:
        """None: one embedding for all."""
        return ()

    def embed(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed sounds, (N, 40), unit norm."""
        embeddings = np.empty((len(sounds), self.embedding_size), dtype=np.float32)
        for row, sound in enumerate(sounds):
            scaled = (mfcc_statistics(sound, sample_rate) - self._mean) / self._deviation
            embeddings[row] = scaled / max(float(np.linalg.norm(scaled)), 1e-12)
            if progress is not None:
                progress((row + 1) / len(sounds), "MFCC")
        return embeddings

    def embed_mixtures(
        self,
        sounds: Sequence[FloatArray],
        sample_rate: int,
        families: Sequence[str],
        *,
        progress: Progress | None = None,
    ) -> FloatArray:
        """Embed mixtures, the same vector for each family, (N, F, 40), unit norm."""
        embeddings = self.embed(sounds, sample_rate, progress=progress)
        return np.repeat(embeddings[:, None, :], len(families), axis=1)


def mfcc_statistics(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Means, then standard deviations, of the MFCCs of one sound over time, (40,).

    Raises:
        InputError: The sound is not 1-D, is empty, or has NaN or infinite samples.
    """
    if sound.ndim != 1 or not sound.size or not np.isfinite(sound).all():
        raise InputError(
            f"A sound of shape {sound.shape} cannot be analysed; "
            "give finite mono samples of shape (T,), T > 0."
        )
    coefficients = mfcc(peak_normalise(resample(sound, sample_rate, SAMPLE_RATE)))
    return np.concatenate([coefficients.mean(axis=0), coefficients.std(axis=0)])


def mfcc(audio: FloatArray) -> FloatArray:
    """Mel-frequency cepstra of one clip.

    Args:
        audio: Mono at 16 kHz, float32, (T,).

    Returns:
        (1 + T // 512, 20); frames are centred, zeros lie beyond both ends.
    """
    padded = np.pad(audio, FFT_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.fft.rfft(frames * _window(), axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)  # (frames, 513)
    decibels = 10.0 * np.log10(np.maximum(power @ _mel_filters(), _POWER_FLOOR))
    decibels = np.maximum(decibels, decibels.max() - RANGE_DB)
    return np.asarray(decibels @ _cosines(), dtype=np.float32)


@lru_cache(maxsize=1)
def _window() -> FloatArray:
    """Periodic Hann window, (1024,)."""
    return np.asarray(np.hanning(FFT_SAMPLES + 1)[:-1], dtype=np.float32)


@lru_cache(maxsize=1)
def _mel_filters() -> FloatArray:
    """Triangles of equal area on Slaney's mel scale from 0 Hz to 8 kHz, (513, 128)."""
    corners = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE / 2), MEL_BANDS + 2))
    bins_hz = np.fft.rfftfreq(FFT_SAMPLES, 1.0 / SAMPLE_RATE)[:, None]
    lower, centre, upper = corners[:-2], corners[1:-1], corners[2:]
    rising = (bins_hz - lower) / (centre - lower)
    falling = (upper - bins_hz) / (upper - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (upper - lower)), dtype=np.float32)


@lru_cache(maxsize=1)
def _cosines() -> FloatArray:
    """First columns of the orthonormal DCT-II, (128, 20)."""
    band = np.arange(MEL_BANDS)[:, None] + 0.5
    order = np.arange(COEFFICIENTS)
    table = np.sqrt(2.0 / MEL_BANDS) * np.cos(np.pi / MEL_BANDS * band * order)
    table[:, 0] /= np.sqrt(2.0)
    return np.asarray(table, dtype=np.float32)


# Slaney's scale (Auditory Toolbox): linear up to 1 kHz, then logarithmic.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(frequency_hz: float) -> float:
    """For frequencies above 1 kHz."""
    return float(_BREAK_MEL + np.log(frequency_hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(
        mel < _BREAK_MEL,
        mel * _LINEAR_HZ_PER_MEL,
        _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)),
    )
