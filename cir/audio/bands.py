"""Log-frequency bands with two window lengths: where they lie, and their filters.

On a logarithmic frequency axis another pitch is the same pattern at another height, so that one
convolution serves every pitch. Low bands are read from long windows, which tell close partials
apart, high bands from short ones, which tell onsets apart; both are centred on the same frames.

Nothing above `highest_hz` is read: that is where resampled files start to lose signal.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cir.config import Count, Number, Positive, checked
from cir.errors import CheckpointError
from cir.types import SAMPLE_RATE, FloatArray

PEAK = 0.99
"""Peak of the clips that an encoder reads."""
POWER_FLOOR = 1e-10
"""Of a band, where a sine of amplitude 1 has about 100."""
NEPERS_PER_DB = math.log(10) / 10
"""Of power."""
NEPERS_PER_UNIT = 8.0
"""Levels are natural logarithms of power divided by this, so that most lie within 1 of 0."""
LEVEL_FLOOR = float(np.log(POWER_FLOOR)) / NEPERS_PER_UNIT
LOUDEST = 1.0
"""The level to which the loudest cell of a clip is brought."""
DYNAMIC_RANGE_DB = 80.0
"""Cells further below the loudest are silent."""
SOFTEST = LOUDEST - DYNAMIC_RANGE_DB * NEPERS_PER_DB / NEPERS_PER_UNIT


@checked(CheckpointError)
class BandConfig:
    """Where the bands of a log-frequency spectrogram lie, and the windows they are read from."""

    lowest_hz: Positive = 27.5
    """Centre of the lowest band: A0."""
    bands_per_octave: Count = 16
    n_bands: Count = 128
    hop_samples: Count = 320
    """Frame shift at 16 kHz."""
    n_long_bands: Number = 64
    """Bands from below that are read from the long window; the others are from the short one."""
    long_window_samples: Count = 2048
    short_window_samples: Count = 512

    def __post_init__(self) -> None:
        if self.n_long_bands > self.n_bands:
            raise CheckpointError(
                f"n_long_bands must not exceed n_bands {self.n_bands}, got {self.n_long_bands}."
            )
        if min(self.long_window_samples, self.short_window_samples) < self.hop_samples:
            raise CheckpointError(
                f"Windows must be at least hop_samples {self.hop_samples} long, got "
                f"{self.long_window_samples} and {self.short_window_samples}."
            )
        if self.highest_hz > SAMPLE_RATE / 2:
            raise CheckpointError(
                f"The bands end at {self.highest_hz:.0f} Hz; they must end by "
                f"{SAMPLE_RATE // 2} Hz."
            )

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """(n_bands,)."""
        centres: NDArray[np.float64] = self.lowest_hz * 2 ** (
            np.arange(self.n_bands) / self.bands_per_octave
        )
        return centres

    @property
    def highest_hz(self) -> float:
        """Where the highest band ends; nothing above is heard."""
        return float(self.lowest_hz * 2.0 ** (self.n_bands / self.bands_per_octave))

    def clip_samples(self, n_frames: int) -> int:
        """Samples at 16 kHz that give exactly `n_frames` frames."""
        return n_frames * self.hop_samples


@dataclass(frozen=True, eq=False)
class Bank:
    """Neighbouring bands that are read from one window length."""

    window: FloatArray
    """Hann's, of unit energy: white noise is as loud in any, (n_window,)."""
    bins: slice
    """The K bins of the spectrum that the bands cover."""
    filters: FloatArray
    """Triangles over those bins, (K, bands)."""

    def padding(self, hop_samples: int) -> tuple[int, int]:
        """Return the zeros before and after a clip that centre its frames on its hops."""
        return (len(self.window) - hop_samples) // 2, len(self.window)


@lru_cache(maxsize=8)
def make_banks(config: BandConfig) -> tuple[Bank, ...]:
    """Return the banks of a configuration, the lowest bands first."""
    centres = config.centres_hz
    split = config.n_long_bands
    parts = (
        (centres[:split], config.long_window_samples),
        (centres[split:], config.short_window_samples),
    )
    ratio = 2 ** (1 / config.bands_per_octave) - 1
    return tuple(_make_bank(part, n, ratio) for part, n in parts if len(part))


def _make_bank(centres: NDArray[np.float64], n_window: int, ratio: float) -> Bank:
    """A triangle reaches to the next band, or as far as the window tells frequencies apart."""
    frequencies = np.fft.rfftfreq(n_window, 1 / SAMPLE_RATE)
    widths = np.maximum(centres * ratio, SAMPLE_RATE / n_window)
    triangles = np.maximum(0, 1 - np.abs(frequencies[:, None] - centres) / widths)
    window = np.hanning(n_window + 1)[:-1]
    used = np.flatnonzero(triangles.any(1))
    bins = slice(int(used[0]), int(used[-1]) + 1)
    return Bank(
        (window / np.sqrt((window**2).sum())).astype(np.float32),
        bins,
        triangles[bins].astype(np.float32),
    )
