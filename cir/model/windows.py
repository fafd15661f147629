"""Cutting long sounds into the windows that an encoder reads."""

import numpy as np

from cir.audio.audible import SILENT_PEAK
from cir.audio.dsp import pad_or_trim
from cir.types import FloatArray


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


def window_starts(length: int, window: int) -> list[int]:
    """Return starts of windows that overlap by at least half and cover `length` >= `window`."""
    n_windows = 1 + int(np.ceil((length - window) / (window / 2)))
    return [int(start) for start in np.linspace(0, length - window, n_windows).round()]
