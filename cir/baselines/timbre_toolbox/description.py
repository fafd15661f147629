"""A sound as one vector of timbre descriptors."""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from cir.baselines.descriptors import DescriptorEncoder, to_clip
from cir.baselines.timbre_toolbox import harmonic, spectral, temporal
from cir.baselines.timbre_toolbox.harmonic import find_partials, fundamental
from cir.baselines.timbre_toolbox.temporal import ENVELOPE_RATE, energy_envelope
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray

#: By name: the value below which differences say nothing.
_FLOORS = {
    "attack_seconds": 1e-3,
    "attack_slope": 1e-1,
    "decrease_slope": 1e-1,
    "release_seconds": 1e-3,
    "temporal_centroid": 1e-3,
    "effective_duration": 1e-3,
    "modulation_amplitude": 1e-3,
    "centroid": 1.0,
    "spread": 1.0,
    "rolloff": 1.0,
    "kurtosis": 1.0,
    "variation": 1e-4,
    "flatness": 1e-6,
    "crest": 1.0,
    "deviation": 1e-4,
    "inharmonicity": 1e-4,
}

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


def centred_frames(audio: FloatArray, length: int, hop: int) -> FloatArray:
    """Cut a sound into frames centred on every `hop`-th sample, zeros beyond both ends.

    Args:
        audio: (T,), T > 0.
        length: Samples in a frame, L.
        hop: Samples from one frame to the next.

    Returns:
        (F, L), F = 1 + (T - 1) // hop: at least one frame, however short the sound. A view.
    """
    padded = np.pad(audio, (length // 2, length - length // 2))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[: len(audio) : hop]


def power_spectra(frames: FloatArray, window: FloatArray, fft_samples: int) -> FloatArray:
    """Squared magnitudes of windowed frames, (F, L) to (F, fft_samples // 2 + 1)."""
    spectra = rfft(frames * window, fft_samples, axis=1)
    return np.asarray(np.square(spectra.real) + np.square(spectra.imag), dtype=np.float32)


def audible(energies: FloatArray, range_db: float) -> NDArray[np.bool_]:
    """Return whether each frame is within `range_db` of the loudest, (F,); at least that one is.

    Silence has no timbre, and what a codec leaves of it has one of its own. Peeters 2011 has no
    such limit.
    """
    faintest = energies.max() * np.float32(10.0 ** (-range_db / 10.0))
    return np.asarray(energies >= faintest)


def to_scale(values: FloatArray, names: Sequence[str]) -> FloatArray:
    """Take logarithms to the base of 10 of what spans decades: times, frequencies, some ratios.

    Peeters 2011 does so for the attack time only. A z-score of the rest would be one of its few
    largest values.

    Args:
        values: One column for each name, (F, D).
        names: Of the descriptors, D.
    """
    scaled = np.array(values, dtype=np.float32)
    for column, name in enumerate(names):
        if name in _FLOORS:
            scaled[:, column] = np.log10(np.maximum(scaled[:, column], _FLOORS[name]))
    return scaled


def describe(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Describe one sound by `NAMES`, the same at any level: float32, finite, (78,).

    Raises:
        InputError: The sound is not 1-D, is empty or silent, or has NaN or infinite samples.
    """
    audio = to_clip(sound, sample_rate)
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


class TimbreToolboxEncoder(DescriptorEncoder):
    """Timbre descriptors of envelope, spectrum and partials, z-scored, D = 78."""

    name: ClassVar[str] = "Timbre Toolbox"
    version: ClassVar[str] = f"timbre-toolbox-{len(NAMES)}"
    descriptors: ClassVar[int] = len(NAMES)

    @staticmethod
    def describe(sound: FloatArray, sample_rate: int) -> FloatArray:
        """See `cir.baselines.timbre_toolbox.description`."""
        return describe(sound, sample_rate)
