"""Operations on mono waveforms: float32, (T,)."""

import numpy as np

from cir.audio.limits import SILENT_PEAK
from cir.types import SAMPLE_RATE, FloatArray

MEL_WINDOW_SAMPLES = SAMPLE_RATE * 25 // 1000
"""Window of the log-mels of `cir.audio.features`, which need torch."""

SILENCE_DB = -120.0
"""Level that `rms_db` returns for digital silence, in decibels re full scale."""


TAIL_FLOOR = 1e-3
"""Usual floor of `trim_tail`, relative to the peak: -60 dB."""


def resample(audio: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    """Resample by band-limited interpolation (soxr, high quality)."""
    if from_rate == to_rate or audio.size == 0:
        return audio
    import soxr  # not on every machine that trains on cached features

    return np.asarray(soxr.resample(audio, from_rate, to_rate, quality="HQ"), dtype=np.float32)


def peak_normalise(audio: FloatArray, peak: float = 0.99) -> FloatArray:
    """Scale a sound so that its largest absolute sample is `peak`; digital silence is unchanged."""
    loudest = float(np.max(np.abs(audio), initial=0.0))
    if loudest == 0.0:
        return audio.astype(np.float32, copy=False)
    return np.asarray(audio.astype(np.float64) * (peak / loudest), dtype=np.float32)


def pad_or_trim(audio: FloatArray, samples: int) -> FloatArray:
    """Cut a sound to `samples`, or append zeros up to them."""
    if audio.shape[0] >= samples:
        return audio[:samples]
    return np.pad(audio, (0, samples - audio.shape[0]))


def fade_out(audio: FloatArray, samples: int) -> FloatArray:
    """Return a copy whose last `samples` samples fade linearly to zero."""
    faded = audio.astype(np.float32, copy=True)
    length = min(samples, faded.shape[0])
    if length > 0:
        faded[-length:] *= np.linspace(1.0, 0.0, length + 1, dtype=np.float32)[1:]
    return faded


def trim_tail(audio: FloatArray, floor: float, fade_samples: int) -> FloatArray:
    """Cut a sound after its last sample that reaches `floor`, if any, and fade it out."""
    loud = np.flatnonzero(np.abs(audio) >= floor)
    end = int(loud[-1]) + 1 if loud.size else audio.size
    return fade_out(audio[:end], fade_samples)


def rms_db(audio: FloatArray) -> float:
    """Root mean square level in decibels re full scale, never below `SILENCE_DB`."""
    if audio.size == 0:
        return SILENCE_DB
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    return max(SILENCE_DB, 10.0 * float(np.log10(power))) if power > 0.0 else SILENCE_DB


def cut_windows(audio: FloatArray, n_samples: int) -> list[FloatArray]:
    """Cut windows of `n_samples` that overlap by half and cover the whole sound.

    The last one ends where the sound ends, a sound shorter than a window is padded, and silent
    windows are left out unless all are.
    """
    if len(audio) <= n_samples:
        return [pad_or_trim(audio, n_samples)]
    windows = [audio[start : start + n_samples] for start in window_starts(len(audio), n_samples)]
    limit = SILENT_PEAK * float(np.abs(audio).max())
    sounding = [window for window in windows if np.abs(window).max() > limit]
    return sounding or windows


def clip_samples(n_frames: int, hop_samples: int) -> int:
    """Return the number of samples at 16 kHz that give exactly `n_frames` frames of log-mels."""
    return (n_frames - 1) * hop_samples + MEL_WINDOW_SAMPLES


def window_starts(length: int, window: int) -> list[int]:
    """Return starts of windows that overlap by at least half and cover `length` >= `window`."""
    n_windows = 1 + int(np.ceil((length - window) / (window / 2)))
    return [int(start) for start in np.linspace(0, length - window, n_windows).round()]
