"""Log-frequency spectrograms, batched in torch; `cir.audio.bands` says where the bands lie."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from cir.audio.bands import (
    LOUDEST,
    NEPERS_PER_UNIT,
    PEAK,
    POWER_FLOOR,
    SOFTEST,
    BandConfig,
    make_banks,
)


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
        _read(audio, bank, config.hop_samples, n_frames) for bank in _banks_on(config, audio.device)
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
    """A `cir.audio.bands.Bank` on a device."""

    window: Tensor
    bins: slice
    filters: Tensor
    padding: tuple[int, int]


def _read(audio: Tensor, bank: _Bank, hop: int, n_frames: int) -> Tensor:
    """(B, n_frames, bands of the bank)."""
    frames = pad(audio, bank.padding).unfold(-1, len(bank.window), hop)[:, :n_frames]
    with torch.autocast(audio.device.type, enabled=False):
        spectrum = torch.fft.rfft(frames * bank.window)[..., bank.bins]
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        filtered: Tensor = power @ bank.filters
    return filtered


@lru_cache(maxsize=8)
def _banks_on(config: BandConfig, device: torch.device) -> tuple[_Bank, ...]:
    return tuple(
        _Bank(
            torch.tensor(bank.window, device=device),
            bank.bins,
            torch.tensor(bank.filters, device=device),
            bank.padding(config.hop_samples),
        )
        for bank in make_banks(config)
    )
