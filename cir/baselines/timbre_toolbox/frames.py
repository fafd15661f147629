"""A sound cut into frames, and their power spectra."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from cir.types import FloatArray


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
