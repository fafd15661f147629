"""A sound as one vector of timbre descriptors."""

from functools import lru_cache

import numpy as np

from cir.audio.dsp import peak_normalise, resample
from cir.baselines.timbre_toolbox import harmonic, spectral, temporal
from cir.baselines.timbre_toolbox.envelope import ENVELOPE_RATE, energy_envelope
from cir.baselines.timbre_toolbox.frames import audible, centred_frames, power_spectra
from cir.baselines.timbre_toolbox.partials import find_partials
from cir.baselines.timbre_toolbox.pitch import fundamental
from cir.baselines.timbre_toolbox.scales import to_scale
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray

AUDIBLE_DB = 60.0
"""Frames further below the loudest one are not described."""

# The STFT of Peeters 2011: a Hamming window of 23.2 ms every 5.8 ms.
STFT_SAMPLES = round(0.0232 * SAMPLE_RATE)
STFT_HOP = round(0.0058 * SAMPLE_RATE)
STFT_FFT = 512

# Its partials: a Blackman window of 100 ms every 25 ms.
PARTIAL_SAMPLES = round(0.1 * SAMPLE_RATE)
PARTIAL_HOP = round(0.025 * SAMPLE_RATE)
PARTIAL_FFT = 2048

#: Flatness and crest say much of the bins of a spectrum and little of 20 partials.
_OF_PARTIALS = spectral.NAMES[:-2]

_FRAMEWISE = (
    *(f"magnitude {name}" for name in spectral.NAMES),
    *(f"power {name}" for name in spectral.NAMES),
    *(f"partials {name}" for name in _OF_PARTIALS),
    *(f"harmonic {name}" for name in harmonic.NAMES),
)

NAMES: tuple[str, ...] = (
    *(f"envelope {name}" for name in temporal.NAMES),
    *(f"{name}, median" for name in _FRAMEWISE),
    *(f"{name}, interquartile range" for name in _FRAMEWISE),
)
"""What each number of a description is."""


def describe(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Describe one sound by `NAMES`, the same at any level: float32, finite, (78,).

    Raises:
        InputError: The sound is not 1-D, is empty or silent, or has NaN or infinite samples.
    """
    if sound.ndim != 1 or not sound.size or not np.isfinite(sound).all():
        raise InputError(
            f"A sound of shape {sound.shape} cannot be analysed; "
            "give finite mono samples of shape (T,), T > 0."
        )
    audio = peak_normalise(resample(sound, sample_rate, SAMPLE_RATE))
    if not audio.any():
        raise InputError("A silent sound has no timbre to describe; give one that can be heard.")
    framewise = (_of_stft(audio), _of_partials(audio))
    quartiles = [np.percentile(values, (25, 50, 75), axis=0) for values in framewise]
    lower, median, upper = np.concatenate(quartiles, axis=1)
    return np.concatenate([_of_envelope(audio), median, upper - lower]).astype(np.float32)


def _of_envelope(audio: FloatArray) -> FloatArray:
    envelope = energy_envelope(audio, SAMPLE_RATE)
    values = temporal.temporal_descriptors(envelope, ENVELOPE_RATE)
    scaled: FloatArray = to_scale(np.array([values], dtype=np.float32), temporal.NAMES)[0]
    return scaled


def _of_stft(audio: FloatArray) -> FloatArray:
    """Shape of the magnitude and of the power spectrum of each audible frame, (F, 20)."""
    frames = centred_frames(audio, STFT_SAMPLES, STFT_HOP)
    power = power_spectra(frames, _hamming(), STFT_FFT)
    power = power[audible(power.sum(axis=1), AUDIBLE_DB)]
    bins_hz = np.arange(power.shape[1], dtype=np.float32) * (SAMPLE_RATE / STFT_FFT)
    shapes = [spectral.spectral_shape(one, bins_hz) for one in (np.sqrt(power), power)]
    return to_scale(np.concatenate(shapes, axis=1), spectral.NAMES * 2)


def _of_partials(audio: FloatArray) -> FloatArray:
    """Shape of the partials and harmonic descriptors of each audible frame, (F, 15).

    Peeters 2011 skips frames without a clear pitch. Ours takes the best guess, so that every sound
    has a description; noisiness tells.
    """
    window = _blackman()
    frames = centred_frames(audio, PARTIAL_SAMPLES, PARTIAL_HOP)
    frames = frames[audible(np.square(frames).sum(axis=1), AUDIBLE_DB)]
    magnitudes = np.sqrt(power_spectra(frames, window, PARTIAL_FFT)) * (2.0 / window.sum())
    energies = np.square(frames * window).sum(axis=1) / np.square(window).sum()
    fundamentals = fundamental(frames, SAMPLE_RATE)
    partials = find_partials(magnitudes, fundamentals, SAMPLE_RATE / PARTIAL_FFT)
    shapes = spectral.spectral_shape(partials.amplitudes, partials.frequencies)
    described = (
        to_scale(shapes[:, : len(_OF_PARTIALS)], _OF_PARTIALS),
        to_scale(harmonic.harmonic_descriptors(partials, energies), harmonic.NAMES),
    )
    return np.concatenate(described, axis=1)


@lru_cache(maxsize=1)
def _hamming() -> FloatArray:
    return np.hamming(STFT_SAMPLES).astype(np.float32)


@lru_cache(maxsize=1)
def _blackman() -> FloatArray:
    return np.blackman(PARTIAL_SAMPLES).astype(np.float32)
