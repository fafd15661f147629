"""Changes of levels, for many instruments at once, on any device.

Recasting makes new instruments: all notes of an instrument go through one chain of changes. Gates
cut a note where a mixture starts and ends it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cir.audio.bands import LEVEL_FLOOR, NEPERS_PER_DB, NEPERS_PER_UNIT, BandConfig
from cir.types import SAMPLE_RATE

_UNITS_PER_DB = NEPERS_PER_DB / NEPERS_PER_UNIT
_SILENT = LEVEL_FLOOR + 0.02
_MOST_DB = 24.0
_N_PEAKS = 3


@dataclass(frozen=True)
class Recast:
    """Chains of N instruments; each row of each tensor is one instrument's."""

    shift: Tensor
    """Bands to move by, (N,)."""
    static_db: Tensor
    """A fixed filter, (N, bands)."""
    cutoff: Tensor
    """A low-pass: octaves above 1 Hz where it ends, octaves above that where it starts, seconds of
    its fall, and slope in octaves of power, 0 for none; (N, 4)."""
    decay_db: Tensor
    """Decibels lost each second, (N,)."""
    attack_seconds: Tensor
    """Duration, 0 for none, (N,)."""
    tremolo: Tensor
    """Depth, Hz and phase, (N, 3)."""

    @classmethod
    def draw(
        cls, n: int, bands: BandConfig, generator: torch.Generator, device: torch.device
    ) -> "Recast":
        """Draw the chains of `n` instruments."""

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            drawn = torch.rand(n, *shape, generator=generator, device=device)
            return low + (high - low) * drawn

        def sometimes(probability: float, values: Tensor) -> Tensor:
            return torch.where(uniform(0, 1) < probability, values, torch.zeros_like(values))

        octaves = _octaves(bands, device)
        tilt = sometimes(0.7, uniform(-4, 4))[:, None] * (octaves - 10)
        heights = uniform(-18, 18, _N_PEAKS, 1)
        n_peaks = (uniform(0, 1) * (_N_PEAKS + 1)).long()
        used = torch.arange(_N_PEAKS, device=device) < n_peaks[:, None]
        distances = (octaves - uniform(6, 12.8, _N_PEAKS, 1)) / uniform(0.2, 1.2, _N_PEAKS, 1)
        peaks = (heights * used[..., None] * torch.exp(-(distances**2))).sum(1)
        high_pass = _fall(uniform(5.5, 9)[:, None] - octaves, 2.0)
        high_pass = high_pass * (uniform(0, 1) < 0.2)[:, None]
        steepness = torch.where(uniform(0, 1) < 0.5, 2.0, 4.0)
        return cls(
            shift=(uniform(0, 1) * 11).long() - 5,
            static_db=(tilt + peaks).clamp_max(_MOST_DB) + high_pass,
            cutoff=torch.stack(
                [
                    uniform(8.5, 13),
                    uniform(-2, 3),
                    uniform(0.03, 1.0),
                    sometimes(0.5, steepness),
                ],
                1,
            ),
            decay_db=sometimes(0.4, 70 * uniform(0, 1) ** 2),
            attack_seconds=sometimes(0.3, 0.3 * uniform(0, 1) ** 2 + 0.01),
            tremolo=torch.stack(
                [sometimes(0.15, uniform(0.2, 0.9)), uniform(1, 9), uniform(0, 2 * math.pi)], 1
            ),
        )

    def repeat(self, n: int) -> "Recast":
        """Repeat the chain of each instrument `n` times in succession."""
        return Recast(*(values.repeat_interleave(n, 0) for values in vars(self).values()))

    def apply(self, levels: Tensor, seconds: Tensor, bands: BandConfig) -> Tensor:
        """Change levels, and keep the level of the loudest cell of each.

        Args:
            levels: (N, frames, bands).
            seconds: Time of each frame since its note began, (N, frames) or (frames,).
            bands: Bands of the levels.
        """
        seconds = seconds.expand(levels.shape[:2])
        shifted = shift_bands(levels, self.shift)
        changed = shifted + self._gain_db(seconds, bands) * _UNITS_PER_DB
        loudest = levels.amax((-2, -1), keepdim=True)
        changed = changed + (loudest - changed.amax((-2, -1), keepdim=True))
        return torch.where(shifted <= _SILENT, LEVEL_FLOOR, changed.clamp_min(LEVEL_FLOOR))

    def _gain_db(self, seconds: Tensor, bands: BandConfig) -> Tensor:
        """(N, frames, bands)."""
        last, above, time, slope = self.cutoff.unsqueeze(-1).unbind(1)  # (N, 1) each
        cutoff = last + above * torch.exp(-seconds / time)  # (N, frames)
        octaves = _octaves(bands, seconds.device)
        low_pass = _fall(octaves - cutoff[..., None], slope[..., None])
        envelope = -self.decay_db[:, None] * seconds
        attack = self.attack_seconds[:, None]
        risen = torch.where(attack > 0, (seconds + 0.01) / attack.clamp_min(1e-3), 1.0)
        depth, hertz, phase = self.tremolo.unsqueeze(-1).unbind(1)
        swing = 1 + depth * torch.sin(2 * math.pi * hertz * seconds + phase)
        envelope = envelope + 20 * torch.log10(risen.clamp(1e-3, 1) * swing)
        return self.static_db[:, None] + low_pass + envelope[..., None]


def shift_bands(levels: Tensor, bands: Tensor) -> Tensor:
    """Move each spectrogram of (N, frames, bands) up by `bands`, (N,); silence fills the gap."""
    n_bands = levels.shape[-1]
    source = torch.arange(n_bands, device=levels.device) - bands[:, None]  # (N, bands)
    inside = (source >= 0) & (source < n_bands)
    index = source.clamp(0, n_bands - 1)[:, None].expand(levels.shape)
    return torch.where(inside[:, None], levels.gather(-1, index), LEVEL_FLOOR)


def gate_notes(since: Tensor, left: Tensor, bands: BandConfig) -> tuple[Tensor, Tensor]:
    """Return factors of power that turn a note's own frames into those of a note in a mixture.

    A long window hears a note before the note reaches its middle, and after it has gone. Where the
    note is cut, it keeps the share of its amplitude that lies within the window.

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


def _octaves(bands: BandConfig, device: torch.device) -> Tensor:
    """Return the octaves of each band above 1 Hz, (bands,)."""
    steps = torch.arange(bands.n_bands, device=device) / bands.bands_per_octave
    return math.log2(bands.lowest_hz) + steps


def _fall(octaves: Tensor, slope: Tensor | float) -> Tensor:
    """Return the decibels of a filter at `octaves` beyond its cutoff."""
    return -10 * torch.log10(1 + 2 ** (slope * octaves.clamp(-8, 6))) * (slope > 0)


def _share_before(seconds: Tensor, window_seconds: float) -> Tensor:
    """Return the share of a Hann window that lies before a time counted from its middle."""
    share = (seconds / window_seconds + 0.5).clamp(0, 1)
    return share - torch.sin(2 * math.pi * share) / (2 * math.pi)
