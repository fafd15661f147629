"""Axes of a log-mel: frequencies in hertz and levels in decibels."""

import math

import numpy as np
from numpy.typing import NDArray

from cir.audio.features import AUDIOSET_MEAN, AUDIOSET_STD
from cir.types import SAMPLE_RATE, FloatArray

LOWEST_HZ, HIGHEST_HZ = 20.0, SAMPLE_RATE / 2
"""Range of the mel filters."""

_DB_PER_NEPER = 10 / math.log(10)


def to_decibels(features: FloatArray) -> NDArray[np.float32]:
    """Convert normalised log-mel features to levels in decibels."""
    natural = features * (2 * AUDIOSET_STD) + AUDIOSET_MEAN
    return np.asarray(natural * _DB_PER_NEPER, np.float32)


def mel_place(hertz: float) -> float:
    """Return the place of a frequency on the mel axis, from 0 to 1."""
    low, high = _mel(LOWEST_HZ), _mel(HIGHEST_HZ)
    return (_mel(hertz) - low) / (high - low)


def hertz_at(place: float) -> float:
    """Return the frequency at a place; the inverse of `mel_place`."""
    low, high = _mel(LOWEST_HZ), _mel(HIGHEST_HZ)
    return 700.0 * math.expm1((low + place * (high - low)) / 1127.0)


def _mel(hertz: float) -> float:
    """Convert hertz to Kaldi's mel scale."""
    return 1127.0 * math.log1p(hertz / 700.0)
