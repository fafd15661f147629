"""Near-duplicates among instruments, told by their reference notes."""

import numpy as np
import torch
from numpy.typing import NDArray

from cir.audio.dsp import clip_samples
from cir.audio.features import log_mel
from cir.types import FloatArray

NEAREST_DB = 2.0
"""Least distance of instruments that are told apart."""

HEARD_SECONDS = 2.0
"""Length of a reference note that is compared."""

_N_MELS = 32
_HOP_SAMPLES = 320
_SEGMENT_FRAMES = (0, 3, 8, 20, 50, 100)
"""Edges of the parts of a note, finer during the attack."""

_FLOOR = 0.9
"""Range of normalised log-mels below the loudest band that is compared: 36 dB."""


def summarise(audio: FloatArray) -> NDArray[np.float32]:
    """Return the mean log-mel bands in five parts of a note, (160,), for `distance`.

    Args:
        audio: Mono at 16 kHz with a peak of about 0.9, (T,).
    """
    n_samples = clip_samples(_SEGMENT_FRAMES[-1], _HOP_SAMPLES)
    clip = torch.zeros(1, n_samples)
    heard = torch.from_numpy(audio[:n_samples])
    clip[0, : len(heard)] = heard
    bands = log_mel(clip, hop_samples=_HOP_SAMPLES, n_mels=_N_MELS)[0].numpy()  # (100, 32)
    bands = np.maximum(bands, bands.max() - _FLOOR)
    parts = [
        bands[start:end].mean(0)
        for start, end in zip(_SEGMENT_FRAMES, _SEGMENT_FRAMES[1:], strict=False)
    ]
    summary: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return summary


def distance(one: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the RMS difference in dB between one summary and each row of others, (N,)."""
    # A normalised log-mel is the natural logarithm of a power over 2 x 4.57.
    decibels = 10.0 / np.log(10.0) * 2 * 4.5689974
    result: NDArray[np.float32] = decibels * np.sqrt(((others - one) ** 2).mean(-1))
    return result
