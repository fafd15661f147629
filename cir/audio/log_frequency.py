"""Log-frequency spectrograms with two window lengths, batched in torch.

On a logarithmic frequency axis another pitch is the same pattern at another height, so that one
convolution serves every pitch. Low bands are read from long windows, which tell close partials
apart, high bands from short ones, which tell onsets apart; both are centred on the same frames.

Nothing above `highest_hz` is read: that is where resampled files start to lose signal.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from cir.config import Count, Number, Positive, checked
from cir.errors import CheckpointError
from cir.types import SAMPLE_RATE

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
"""The level to which `bring_to_level` brings the loudest cell of a clip."""
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


def normalise_peak(audio: Tensor) -> Tensor:
    """Scale every clip of a batch, (B, T), to the peak that the encoder expects, except silence."""
    lowest, highest = audio.aminmax(dim=-1, keepdim=True)
    peak = torch.maximum(highest, -lowest)
    return audio * torch.where(peak > 0, PEAK / peak.clamp_min(1e-12), 1.0)


def band_power(audio: Tensor, config: BandConfig) -> Tensor:
    """Power in log-frequency bands, which adds up where sounds add up (but for their phases).

    Args:
        audio: Waveforms at 16 kHz, float32, (B, T).
        config: Of the bands.

    Returns:
        (B, T // hop_samples, n_bands). Frame t is centred on the middle of the t-th hop; beyond
        its ends a sound is silent. Each clip's values depend on that clip alone.
    """
    if audio.device.type == "cpu" and len(audio) > 1:
        # One clip fits into the processor's cache, a batch does not.
        return torch.cat([band_power(clip, config) for clip in torch.split(audio, 1)])
    n_frames = audio.shape[-1] // config.hop_samples
    if not len(audio):
        return audio.new_zeros(0, n_frames, config.n_bands)
    parts = [
        _read(audio, bank, config.hop_samples, n_frames)
        for bank in _make_banks(config, audio.device)
    ]
    return torch.cat(parts, -1)


def log_bands(audio: Tensor, config: BandConfig) -> Tensor:
    """Levels of log-frequency bands, not less than `LEVEL_FLOOR`; arguments as in `band_power`."""
    return to_levels(band_power(audio, config))


def to_levels(power: Tensor) -> Tensor:
    """Convert power to new levels, not less than `LEVEL_FLOOR`."""
    return power.clamp_min(POWER_FLOOR).log_().div_(NEPERS_PER_UNIT)


def bring_to_level(levels: Tensor) -> Tensor:
    """Shift each clip of a batch, (B, frames, bands), so that its loudest cell is at `LOUDEST`.

    What lies more than `DYNAMIC_RANGE_DB` below becomes `SOFTEST`. How loud a clip was, in whatever
    unit, does not matter any more.
    """
    shifted = levels - (levels.amax((-2, -1), keepdim=True) - LOUDEST)
    return shifted.clamp_min(SOFTEST)


@dataclass(frozen=True)
class _Bank:
    """Neighbouring bands that are read from one window length."""

    window: Tensor
    """Hann's, of unit energy: white noise is as loud in any, (n_window,)."""
    bins: slice
    """The K bins of the spectrum that the bands cover."""
    filters: Tensor
    """Triangles over those bins, (K, bands)."""


def _read(audio: Tensor, bank: _Bank, hop: int, n_frames: int) -> Tensor:
    """(B, n_frames, bands of the bank)."""
    n_window = len(bank.window)
    padded = pad(audio, ((n_window - hop) // 2, n_window))
    frames = padded.unfold(-1, n_window, hop)[:, :n_frames]
    with torch.autocast(audio.device.type, enabled=False):
        spectrum = torch.fft.rfft(frames * bank.window)[..., bank.bins]
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        filtered: Tensor = power @ bank.filters
    return filtered


@lru_cache(maxsize=8)
def _make_banks(config: BandConfig, device: torch.device) -> tuple[_Bank, ...]:
    centres = config.centres_hz
    split = config.n_long_bands
    parts = (
        (centres[:split], config.long_window_samples),
        (centres[split:], config.short_window_samples),
    )
    ratio = 2 ** (1 / config.bands_per_octave) - 1
    return tuple(_make_bank(part, n, ratio, device) for part, n in parts if len(part))


def _make_bank(
    centres: NDArray[np.float64], n_window: int, ratio: float, device: torch.device
) -> _Bank:
    """A triangle reaches to the next band, or as far as the window tells frequencies apart."""
    frequencies = np.fft.rfftfreq(n_window, 1 / SAMPLE_RATE)
    widths = np.maximum(centres * ratio, SAMPLE_RATE / n_window)
    triangles = np.maximum(0, 1 - np.abs(frequencies[:, None] - centres) / widths)
    window = np.hanning(n_window + 1)[:-1]
    used = np.flatnonzero(triangles.any(1))
    bins = slice(int(used[0]), int(used[-1]) + 1)
    return _Bank(
        torch.tensor(window / np.sqrt((window**2).sum()), dtype=torch.float32, device=device),
        bins,
        torch.tensor(triangles[bins], dtype=torch.float32, device=device),
    )
