"""What a model attends to in a mix: the mix through the mask of one family.

The model estimates each family's share in the energy of the mix, band by band and frame by frame.
The shares multiply the spectrum of the mix, which keeps its phase (a Wiener filter).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import istft, stft

from cir.audio.dsp import pad_or_trim
from cir.retrieval.windows import WindowEmbeddings
from cir.types import FamilyListener, FloatArray

_WINDOW_SECONDS = 0.064
_OVERLAP = 4


def find_passage(windows: WindowEmbeddings, family: str) -> tuple[float, float]:
    """Return start and end in seconds of the window in which a family is heard best.

    Without presence, it is the loudest window.
    """
    worth: NDArray[np.float64] = windows.energies.copy()
    if windows.presence is not None:
        # Loud windows win among those in which it plays for sure.
        worth *= np.square(windows.presence[:, windows.families.index(family)])
    return windows.spans[int(np.argmax(worth))]


def isolate(
    audio: FloatArray, sample_rate: int, shares: FloatArray, listener: FamilyListener
) -> FloatArray:
    """Return what a model takes for one family in a mix.

    Args:
        audio: Mono, (T,), at any rate.
        sample_rate: In Hz.
        shares: Of the family in the energy, as `family_masks` estimates them of the same sound,
            (frames, bands), interpolated over time and pitch. What lies above the highest band gets
            its share.
        listener: The model.

    Returns:
        (T,), at the level that it has in the mix.
    """
    n_window = min(2 * round(_WINDOW_SECONDS * sample_rate / 2), len(audio))
    cut = {"fs": sample_rate, "nperseg": n_window, "noverlap": n_window - n_window // _OVERLAP}
    frequencies, times, spectrum = stft(audio, **cut)  # spectrum: (bins, slices)
    centres = np.log2(listener.mask_centres_hz)
    places = np.interp(np.log2(np.maximum(frequencies, 1.0)), centres, np.arange(len(centres)))
    by_bin = _interpolate(shares.T, places)  # (bins, frames)
    by_slice = _interpolate(by_bin.T, times / listener.mask_hop_seconds - 0.5)  # (slices, bins)
    _, alone = istft(spectrum * by_slice.T, **cut)
    return pad_or_trim(np.asarray(alone, np.float32), len(audio))


def loudest_part(audio: FloatArray, length: int) -> int:
    """Return where the `length` samples with the most energy begin."""
    if len(audio) <= length:
        return 0
    sums = np.cumsum(np.square(np.append(0.0, audio), dtype=np.float64))
    return int(np.argmax(sums[length:] - sums[:-length]))


def _interpolate(rows: FloatArray, places: NDArray[np.float64]) -> FloatArray:
    """Return rows, (N, K), at fractional places, (P,), beyond its ends the nearest: (P, K)."""
    inside = np.clip(places, 0.0, len(rows) - 1.0)
    low = np.floor(inside).astype(int)
    high = np.minimum(low + 1, len(rows) - 1)
    upper = (inside - low).astype(np.float32)[:, np.newaxis]
    return np.asarray(rows[low] * (1 - upper) + rows[high] * upper, np.float32)
