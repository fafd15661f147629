"""Recast instruments on audio: all notes of one instrument through a random chain of effects.

Training is short of instruments, not of notes. All notes of a recast instrument go through the same
chain, so that they sound like one new instrument; `cir.training.level_changes` does this on
features.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from cir.audio.dsp import peak_normalise
from cir.types import SAMPLE_RATE, FloatArray

PEAK = 0.9
_MAX_SEMITONES = 4
_LOW_HZ, _HIGH_HZ = 60.0, 7_000.0
_FILTER_ORDER = 2
_CEILING_DB = 24.0
"""Most gain at any frequency, so that a quiet hiss stays quiet."""


@dataclass(frozen=True)
class Bell:
    """A resonance, or a dip."""

    centre_hz: float
    gain_db: float
    octaves: float


@dataclass(frozen=True)
class Recast:
    """The chain of a recast instrument, in this order."""

    semitones: int
    """Transposition by resampling: spectrum and envelope move together, as on a tape machine."""
    drive: float
    """Gain into a soft clipper; 0 for none."""
    tilt_db_per_octave: float
    bells: tuple[Bell, ...]
    cutoff_hz: float
    """Low-pass of 12 dB an octave; almost none at the Nyquist frequency."""
    comb_seconds: float
    comb_gain: float
    """Gain of one echo; 0 for none."""
    attack_seconds: float
    decay_per_second: float
    """Exponent of an exponential decay on top of the note's own."""


def draw_recast(instrument_id: str, variant: int) -> Recast:
    """Draw the chain of a variant, counted from 1; a pure function of its arguments."""
    generator = np.random.default_rng([variant, zlib.crc32(instrument_id.encode())])
    uniform = generator.uniform

    def now_and_then(probability: float, value: float) -> float:
        return value if uniform() < probability else 0.0

    bells = tuple(
        Bell(_LOW_HZ * (_HIGH_HZ / _LOW_HZ) ** uniform(), uniform(-18, 18), uniform(0.2, 1.2))
        for _ in range(generator.integers(1, 4))
    )
    return Recast(
        semitones=int(generator.integers(-_MAX_SEMITONES, _MAX_SEMITONES + 1)),
        drive=now_and_then(0.4, 2 ** uniform(0, 5)),
        tilt_db_per_octave=uniform(-4, 4),
        bells=bells,
        cutoff_hz=400 * 20 ** uniform() if uniform() < 0.5 else SAMPLE_RATE / 2,
        comb_seconds=2 ** uniform(-10, -6),
        comb_gain=now_and_then(0.3, uniform(-0.9, 0.9)),
        attack_seconds=now_and_then(0.3, 0.2 * uniform() ** 2),
        decay_per_second=now_and_then(0.5, 8 * uniform() ** 2),
    )


def apply_recast(sound: FloatArray, recast: Recast) -> FloatArray:
    """Send a note, (T,), through the chain and bring it to a peak of 0.9; silence stays."""
    played = sound
    if recast.semitones:
        ratio = 2 ** (recast.semitones / 12)
        played = soxr.resample(sound, SAMPLE_RATE * ratio, SAMPLE_RATE)
    if recast.drive:
        played = np.tanh(np.float32(recast.drive) * played)
    response = _response(recast, len(played))
    filtered = np.fft.irfft(np.fft.rfft(played) * response, len(played))
    seconds = np.arange(len(played), dtype=np.float32) / SAMPLE_RATE
    envelope = np.exp(-np.float32(recast.decay_per_second) * seconds)
    if recast.attack_seconds:
        envelope *= np.minimum(1, seconds / np.float32(recast.attack_seconds))
    shaped: FloatArray = (filtered * envelope).astype(np.float32)
    return peak_normalise(shaped, PEAK)


def _response(recast: Recast, n_samples: int) -> NDArray[np.complex128]:
    """Return the response of tilt, bells, low-pass and echo, (n_samples // 2 + 1,)."""
    hz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    octave = np.log2(np.maximum(hz, _LOW_HZ / 2))
    gain_db = recast.tilt_db_per_octave * (octave - np.log2(1_000))
    for bell in recast.bells:
        distance = (octave - np.log2(bell.centre_hz)) / bell.octaves
        gain_db += bell.gain_db * np.exp(-(distance**2))
    gain_db -= 10 * np.log10(1 + (hz / recast.cutoff_hz) ** (2 * _FILTER_ORDER))
    gain = 10 ** (np.minimum(gain_db, _CEILING_DB) / 20)
    echo = recast.comb_gain * np.exp(-2j * np.pi * hz * recast.comb_seconds)
    response: NDArray[np.complex128] = gain * (1 + echo)
    return response
