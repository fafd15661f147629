"""Pictures of log-mel spectrograms."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

from cir.audio.bands import PEAK
from cir.audio.dsp import MEL_WINDOW_SAMPLES, pad_or_trim, peak_normalise
from cir.audio.mel import clip_decibels, hertz_at, mel_place
from cir.types import SAMPLE_RATE, FloatArray

DYNAMIC_RANGE_DB = 80.0
"""Levels this far below the loudest point of all pictures are black."""

_HOP_SAMPLES = 160
_TICKS_HZ = (200, 500, 1000, 2000, 4000, 8000)
_COLOURS = "magma"


@dataclass(frozen=True)
class Picture:
    """A sound to draw."""

    title: str
    audio: FloatArray
    """Mono at 16 kHz, (T,)."""


def log_mel_pictures(pictures: Sequence[Picture]) -> list[str]:
    """Draw sounds on the same scales of seconds, hertz and decibels.

    Returns:
        A figure for each, with axes and a text alternative.
    """
    longest = max(len(picture.audio) for picture in pictures)
    samples = max(longest, MEL_WINDOW_SAMPLES)
    batch = np.stack([pad_or_trim(picture.audio, samples) for picture in pictures])
    levels = decibels(batch)
    loudest = float(levels.max())
    return [
        _figure(picture.title, level, loudest, samples / SAMPLE_RATE)
        for picture, level in zip(pictures, levels, strict=True)
    ]


def decibels(batch: FloatArray) -> NDArray[np.float32]:
    """Return log-mel levels of peak-normalised sounds, (B, n_mels, frames), lowest band first."""
    clips = (peak_normalise(clip, PEAK) for clip in batch)
    return np.stack([clip_decibels(clip, hop_samples=_HOP_SAMPLES).T for clip in clips])


def _figure(title: str, levels: NDArray[np.float32], loudest: float, seconds: float) -> str:
    rows = "".join(
        f'<span style="--at:{mel_place(hertz):.4f}">{_hertz(hertz)}</span>' for hertz in _TICKS_HZ
    )
    step = 0.5 if seconds <= 4 else 2.0
    marks = [number * step for number in range(int(seconds / step) + 1)]
    columns = "".join(
        f'<span style="--at:{mark / seconds:.4f}">{mark:g}</span>'
        for mark in marks
        if mark <= 0.97 * seconds
    )
    about = f"Log-mel spectrogram of {title}: {describe(levels, loudest, seconds)}"
    return (
        '<figure class="cir-mel">'
        f'<div class="cir-mel-hertz" aria-hidden="true">{rows}<i>Hz</i></div>'
        f'<img src="{_png(levels, loudest)}" alt="{escape(about)}" title="{escape(title)}">'
        f'<div class="cir-mel-seconds" aria-hidden="true">{columns}<i>s</i></div></figure>'
    )


def _hertz(hertz: int) -> str:
    return f"{hertz}" if hertz < 1000 else f"{hertz // 1000}k"


def describe(levels: NDArray[np.float32], loudest: float, seconds: float) -> str:
    """Describe the mean frequency and the duration of a sound."""
    power = 10.0 ** ((levels - loudest) / 10.0)  # (n_mels, frames)
    places = (np.arange(len(power)) + 0.5) / len(power)
    middle = float((power.sum(1) * places).sum() / max(float(power.sum()), 1e-12))
    heard = np.flatnonzero(levels.max(0) > loudest - 40.0)
    until = seconds * (int(heard[-1]) + 1) / levels.shape[1] if len(heard) else 0.0
    return f"energy around {_round(hertz_at(middle))} Hz, sounds for {until:.1f} s."


def _round(hertz: float) -> int:
    """Round to two significant digits."""
    digits = max(0, int(math.log10(max(hertz, 1.0))) - 1)
    return int(round(hertz, -digits))


def _png(levels: NDArray[np.float32], loudest: float) -> str:
    """Encode the levels as a PNG data address, lowest band at the bottom."""
    buffer = BytesIO()
    imsave(
        buffer,
        levels[::-1],
        vmin=loudest - DYNAMIC_RANGE_DB,
        vmax=loudest,
        cmap=_COLOURS,
        format="png",
    )
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
