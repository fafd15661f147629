"""Batches of notes of several instruments, drawn by index and without any sound."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cir.audio.bands import NEPERS_PER_UNIT, BandConfig
from cir.audio.log_frequency import bring_to_level
from cir.training.feature_pool import FeaturePool, device_table
from cir.training.level_changes import Recast, shift_bands
from cir.types import SAMPLE_RATE

_LAYER_DB = (-10.0, 5.0)
"""Range of the level of the second instrument of a layered one."""
_DETUNES = (0, 0, 0, 12, -12, 7)
"""Semitones of the second instrument above the first."""
_SEMITONES_AN_OCTAVE = 12


@dataclass(frozen=True)
class NoteBatch:
    """K notes of each of P instruments, grouped by instrument."""

    levels: Tensor
    """(P K, frames, bands), each brought to level."""
    labels: Tensor
    """Numbers from 0 to P - 1, (P K,)."""


@dataclass(frozen=True)
class NoteSampler:
    """Draws batches from a pool; the same seed and step always give the same batch."""

    pool: FeaturePool
    bands: BandConfig
    lengths: tuple[int, ...]
    """Frames that are heard of a note; each batch draws one of them uniformly."""
    n_instruments: int
    notes_per_instrument: int = 2
    recast_share: float = 0.3
    """Share of the instruments of a batch that are recast."""
    layered_share: float = 0.3
    """Share that are two instruments playing together."""

    def draw(self, generator: torch.Generator) -> NoteBatch:
        """Draw one batch."""
        n_notes = self.notes_per_instrument
        # Drawn by the host from the same seed, for asking the device would mean to wait for it.
        n_frames = int(np.random.default_rng(generator.initial_seed()).choice(self.lengths))
        drawable = self.pool.weights * (self.pool.n_notes >= 2)
        # As torch.multinomial does it, without its check, for which the host waits.
        race = drawable / torch.empty_like(drawable).exponential_(generator=generator)
        chosen = race.topk(self.n_instruments).indices
        # The first ones are changed below, so that their order must be random.
        keys = torch.rand(chosen.shape, generator=generator, device=chosen.device)
        chosen = chosen[keys.argsort()]
        rows = self._different_notes(chosen, generator)  # (P, K)
        levels = self.pool.notes(rows.flatten(), n_frames)
        n_recast = round(self.recast_share * self.n_instruments)
        n_layered = round(self.layered_share * self.n_instruments)
        if n_layered:
            part = slice(0, n_layered * n_notes)
            levels[part] = self._layer(levels[part], rows[:n_layered], generator)
        if n_recast:
            # Half of the recast ones are layered, too.
            part = slice(n_layered // 2 * n_notes, (n_layered // 2 + n_recast) * n_notes)
            levels[part] = self._recast(levels[part], generator)
        labels = torch.arange(self.n_instruments, device=self.pool.device)
        return NoteBatch(bring_to_level(levels), labels.repeat_interleave(n_notes))

    def _different_notes(self, instruments: Tensor, generator: torch.Generator) -> Tensor:
        """Draw rows (P, K) of different notes, repeated where an instrument has fewer."""
        rows = self.pool.rows[instruments]
        keys = torch.rand(rows.shape, generator=generator, device=rows.device)
        order = keys.masked_fill(rows < 0, 2.0).argsort(1)
        columns = torch.arange(self.notes_per_instrument, device=rows.device)
        columns = columns % self.pool.n_notes[instruments][:, None]
        return rows.gather(1, order.gather(1, columns))

    def _layer(self, levels: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Add to each note another instrument's note, moved to its pitch."""
        device, n_frames = levels.device, levels.shape[1]
        n, n_notes = rows.shape
        others = torch.randint(len(self.pool.rows), (n,), generator=generator, device=device)
        candidates = self.pool.rows[others]  # (n, most)
        pitches = self.pool.pitches[rows]  # (n, K)
        distances = (self.pool.pitches[candidates][:, None] - pitches[..., None]).abs().float()
        distances = distances.masked_fill(candidates[:, None] < 0, math.inf)
        nearest = candidates.gather(1, distances.argmin(-1))  # (n, K)
        detunes = device_table(_DETUNES, torch.long, device)
        detune = detunes[torch.randint(len(_DETUNES), (n,), generator=generator, device=device)]
        semitones = pitches - self.pool.pitches[nearest] + detune[:, None]
        steps = semitones * (self.bands.bands_per_octave / _SEMITONES_AN_OCTAVE)
        second = self.pool.notes(nearest.flatten(), n_frames)
        second = shift_bands(second, steps.round().long().flatten())
        low, high = _LAYER_DB
        decibels = low + (high - low) * torch.rand(n, generator=generator, device=device)
        gains = (decibels * math.log(10) / 10 / NEPERS_PER_UNIT).repeat_interleave(n_notes)
        return _add_power(levels, second + gains[:, None, None])

    def _recast(self, levels: Tensor, generator: torch.Generator) -> Tensor:
        n = len(levels) // self.notes_per_instrument
        recast = Recast.draw(n, self.bands, generator, levels.device)
        seconds = frame_seconds(levels.shape[1], self.bands, levels.device)
        return recast.repeat(self.notes_per_instrument).apply(levels, seconds, self.bands)


def frame_seconds(n_frames: int, bands: BandConfig, device: torch.device) -> Tensor:
    """Return the time of each frame since the start of its note, (n_frames,)."""
    return torch.arange(n_frames, device=device) * (bands.hop_samples / SAMPLE_RATE)


def _add_power(first: Tensor, second: Tensor) -> Tensor:
    summed = torch.logaddexp(first * NEPERS_PER_UNIT, second * NEPERS_PER_UNIT)
    return summed / NEPERS_PER_UNIT
