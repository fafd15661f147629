"""The shape of a spectrum, frame by frame: of the bins of an STFT, or of the partials of a note.

Peeters 2011 defines these for any of its representations. A spectrum has amplitudes (F, K) at
frequencies in Hz, (K,) or (F, K); `shares` are the amplitudes divided by their sum, so that level
says nothing. Each function returns one value per frame, (F,).
"""

import numpy as np

from cir.types import FloatArray

NAMES = (
    "centroid",
    "spread",
    "skewness",
    "kurtosis",
    "slope",
    "decrease",
    "rolloff",
    "variation",
    "flatness",
    "crest",
)

ROLLOFF = 0.95
#: One sine has no spread to divide by: narrower spectra than this have skewness 0 and kurtosis 1.
NARROWEST_HZ = 10.0

_TINY = np.float32(1e-20)
#: Shares of a spectrum below this are rounding; zeros would have no logarithm.
_SMALLEST_SHARE = np.float32(1e-10)


def spectral_shape(amplitudes: FloatArray, frequencies: FloatArray) -> FloatArray:
    """All of `NAMES` for each frame, (F, 10)."""
    shares = amplitudes / (amplitudes.sum(axis=1, keepdims=True) + _TINY)
    return np.stack(
        [
            *moments(shares, frequencies),
            slope(shares, frequencies),
            decrease(shares),
            rolloff(shares, frequencies),
            variation(shares),
            flatness(shares),
            crest(shares),
        ],
        axis=1,
    )


def moments(
    shares: FloatArray, frequencies: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Centroid and spread in Hz, skewness and kurtosis: of frequency, distributed as the shares."""
    centroid = (shares * frequencies).sum(axis=1)
    distance = frequencies - centroid[:, None]  # (F, K)
    weighted = shares * distance
    spread = np.sqrt((weighted * distance).sum(axis=1))
    square = np.square(distance)
    wide = spread >= NARROWEST_HZ
    unit = np.where(wide, spread, np.float32(1.0))
    skewness = np.where(wide, (weighted * square).sum(axis=1) / unit**3, np.float32(0.0))
    kurtosis = (weighted * square * distance).sum(axis=1) / unit**4
    return centroid, spread, skewness, np.where(wide, kurtosis, np.float32(1.0))


def slope(shares: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Slope of the straight line through the shares over frequency, per kHz."""
    distance = frequencies - frequencies.mean(axis=-1, keepdims=True)
    length = np.maximum(np.square(distance).sum(axis=-1), _TINY)
    return np.asarray(1000.0 * (shares * distance).sum(axis=1) / length)


def decrease(shares: FloatArray) -> FloatArray:
    """Mean of the slopes from the first share to each other one, over the sum of the others.

    Peeters 2011 leaves a single sine without a value: the others' sum is at least 1 % here.
    """
    steps = np.arange(1, shares.shape[1], dtype=np.float32)
    rises = (shares[:, 1:] - shares[:, :1]) @ (1.0 / steps)
    return np.asarray(rises / np.maximum(shares[:, 1:].sum(axis=1), np.float32(0.01)))


def rolloff(shares: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Frequency in Hz up to which 95 % of the energy lies; energy is amplitude squared."""
    energy = np.cumsum(np.square(shares), axis=1)
    column = (energy < np.float32(ROLLOFF) * energy[:, -1:]).sum(axis=1)
    everywhere: FloatArray = np.broadcast_to(frequencies, shares.shape)
    return np.asarray(everywhere[np.arange(len(shares)), column])


def variation(shares: FloatArray) -> FloatArray:
    """One minus the cosine between a frame and the one before it; the first takes the second's."""
    lengths = np.sqrt(np.square(shares).sum(axis=1))
    # The floor is of the product: its own square would be subnormal, and zero where those are.
    products = np.maximum(lengths[1:] * lengths[:-1], _TINY)
    cosines = (shares[1:] * shares[:-1]).sum(axis=1) / products
    changes = np.maximum(np.float32(0.0), 1.0 - cosines)
    first = changes[:1] if len(changes) else np.zeros(1, dtype=np.float32)
    return np.concatenate([first, changes])


def flatness(shares: FloatArray) -> FloatArray:
    """Geometric over arithmetic mean, in (0, 1]: 1 for a flat spectrum."""
    floored = np.maximum(shares, _SMALLEST_SHARE)
    return np.asarray(np.exp(np.log(floored).mean(axis=1)) / floored.mean(axis=1))


def crest(shares: FloatArray) -> FloatArray:
    """Largest over mean, at least 1: 1 for a flat spectrum, K for a single peak."""
    return np.asarray(shares.max(axis=1) / (shares.mean(axis=1) + _TINY))
