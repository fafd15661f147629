"""How much of a note a window hears that reaches beyond the note's start or its cut.

A long window hears a note before its middle is there, and after it has gone. Where the note is cut,
it keeps the share of its amplitude that lies within the window.
"""

import math

import torch
from torch import Tensor

from cir.audio.log_frequency import BandConfig
from cir.types import SAMPLE_RATE


def gate_notes(since: Tensor, left: Tensor, bands: BandConfig) -> tuple[Tensor, Tensor]:
    """Factors of power that turn a note's own frames into those of a note in a mixture.

    Args:
        since: Seconds from the note's start to each frame's middle, (*frames); negative before.
        left: Seconds from there to where the note is cut, (*frames); negative after.
        bands: Of the spectrogram.

    Returns:
        Factors for the long window's bands and for the short one's, (*frames) each, from 0 to 1. A
        note's own frames are heard from its start on: 1 stands for that.
    """
    first_middle = bands.hop_samples / SAMPLE_RATE / 2

    def gate(n_window: int) -> Tensor:
        seconds = n_window / SAMPLE_RATE
        heard = _share_before(left, seconds) - _share_before(-since, seconds)
        whole = 1 - _share_before(-since.clamp_min(first_middle), seconds)
        return (heard.clamp_min(0) / whole).square().clamp_max(1)

    return gate(bands.long_window_samples), gate(bands.short_window_samples)


def _share_before(seconds: Tensor, window_seconds: float) -> Tensor:
    """Of a Hann window's sum, what lies before a time counted from its middle."""
    share = (seconds / window_seconds + 0.5).clamp(0, 1)
    return share - torch.sin(2 * math.pi * share) / (2 * math.pi)
