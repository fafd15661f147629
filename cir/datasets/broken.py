"""Detection of broken synthesizer output."""

import numpy as np

from cir.types import FloatArray

_LOWEST_CREST = 1.35
"""Peak over root mean square: 1 for a square wave, 1.41 for a sine, about 1 for clipped noise."""

_MOST_DC = 0.3
"""Mean over root mean square."""

_FLAT = 0.3


def is_broken(audio: FloatArray) -> bool:
    """Return whether a sound is constant, or noise driven into clipping."""
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    mean = float(np.mean(audio, dtype=np.float64))
    if power == 0.0 or mean**2 > _MOST_DC**2 * power:
        return True
    crest = float(np.max(np.abs(audio))) / power**0.5
    return crest < _LOWEST_CREST and _flatness(audio) > _FLAT


def _flatness(audio: FloatArray) -> float:
    """Return geometric over arithmetic mean of the power spectrum: 0 for a tone, at most 1."""
    spectrum = np.abs(np.fft.rfft(audio)) ** 2 + 1e-12
    return float(np.exp(np.mean(np.log(spectrum))) / np.mean(spectrum))
