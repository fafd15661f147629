"""Batches of mixtures, planned and made on the levels of notes, without any sound.

The paper's setting as index arithmetic on one device: a scale and a tempo for each mixture, note
lengths by family, one voice for each instrument. Powers add up where sounds add up, apart from
their phases.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cir.audio.bands import NEPERS_PER_DB, NEPERS_PER_UNIT, BandConfig
from cir.audio.log_frequency import bring_to_level, to_levels
from cir.errors import DataError
from cir.mixtures.scales import NOTE_LENGTHS, OTHER_NOTE_LENGTHS, QUARTERS, SCALES
from cir.training.feature_cache import KEPT_FRAMES
from cir.training.feature_pool import FeaturePool, device_table
from cir.training.level_changes import Recast, gate_notes
from cir.types import SAMPLE_RATE

_SECONDS = 10.0
_TEMPO_BPM = (60.0, 140.0)
_SILENCE_PROBABILITY = 0.25
_JITTER = 0.02
_PERCUSSION_DB = 12.0
_SILENT_DB = -60.0
"""Stems that stay this far below the loudest cell of their mixture are not asked for."""


class Slots(NamedTuple):
    """Notes of stems one after the other, (B, S, slots) each."""

    rows: Tensor
    """Notes of the pool."""
    starts: Tensor
    """Times in seconds."""
    ends: Tensor
    """Times in seconds."""
    sounding: Tensor
    """Whether the slot is played."""


@dataclass(frozen=True)
class MixtureBatch:
    """B mixtures of S instruments, each of another family."""

    levels: Tensor
    """(B, frames, bands), brought to level."""
    stem_power: Tensor
    """Power of each stem at its level in the mixture, (B, S, frames, bands)."""
    families: tuple[str, ...]
    """Family of each of the S columns, the same in all mixtures."""
    members: Tensor
    """Instruments as places in `pool.of_family`, (B, S)."""
    instruments: Tensor
    """Instruments as numbers in the pool, (B, S)."""
    audible: Tensor
    """Whether the stem can be heard in the window, (B, S)."""
    recast: Tensor
    """Whether the instrument was recast, (B, S)."""
    remade: Tensor
    """The mixtures where each column was recast, (R, S)."""
    recasts: Recast
    """The chains, in the order of `remade.flatten()`."""


@dataclass(frozen=True)
class MixtureSampler:
    """Draws batches from a pool; the same seed and step always give the same batch."""

    pool: FeaturePool
    bands: BandConfig
    n_frames: int
    n_mixtures: int
    recast_share: float = 0.5
    level_range_db: float = 3.0
    """Each stem's level is moved by up to this much, up or down."""
    coloured_share: float = 0.3
    """Share of the mixtures that go through a fixed equaliser."""

    def draw(self, families: Sequence[str], generator: torch.Generator) -> MixtureBatch:
        """Draw one batch of mixtures of these families.

        Raises:
            DataError: No instrument of a family may play.
        """
        members, instruments = self._draw_instruments(families, generator)
        slots = self._draw_notes(families, instruments, generator)
        power, offsets = self._play(slots, generator)
        n_mixtures, n_stems = instruments.shape
        chosen, remade, places = self._choose_recast(n_mixtures, n_stems, generator)
        recasts = Recast.draw(len(places), self.bands, generator, self.pool.device)
        if len(places):
            seconds = offsets.flatten(0, 1)[places] * (self.bands.hop_samples / SAMPLE_RATE)
            stems = power.flatten(0, 1)
            changed = recasts.apply(to_levels(stems[places]), seconds, self.bands)
            stems[places] = changed.mul_(NEPERS_PER_UNIT).exp_()
        gains = self._stem_gains(families, n_mixtures, generator).exp()
        power *= gains[..., None, None] * self._colour(n_mixtures, generator)[:, None, None]
        mixed = power.sum(1)
        loudest = mixed.amax((-2, -1))[:, None]
        audible = power.amax((-2, -1)) > loudest * 10 ** (_SILENT_DB / 10)
        return MixtureBatch(
            levels=bring_to_level(to_levels(mixed)),
            stem_power=power,
            families=tuple(families),
            members=members,
            instruments=instruments,
            audible=audible,
            recast=chosen,
            remade=remade,
            recasts=recasts,
        )

    def _uniform(self, generator: torch.Generator, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=self.pool.device)

    def _draw_instruments(
        self, families: Sequence[str], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        members, instruments = [], []
        for family in families:
            group = self.pool.of_family(family)
            if not len(group):
                raise DataError(
                    f"No training instrument of family {family!r}; choose other families or add a "
                    "dataset."
                )
            weights = self.pool.weights[group]
            drawn = torch.multinomial(
                weights, self.n_mixtures, replacement=True, generator=generator
            )
            members.append(drawn)
            instruments.append(group[drawn])
        return torch.stack(members, 1), torch.stack(instruments, 1)

    def _choose_recast(
        self, n_mixtures: int, n_stems: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose the same number of every column, so that the host need not wait for a count.

        Returns:
            Whether each is chosen (B, S), the mixtures chosen for each column (R, S), and their
            places in the flattened (B S), (R S).
        """
        n_recast = round(self.recast_share * n_mixtures)
        remade = self._uniform(generator, n_mixtures, n_stems).argsort(0)[:n_recast]
        chosen = torch.zeros(n_mixtures, n_stems, dtype=torch.bool, device=remade.device)
        places = remade * n_stems + torch.arange(n_stems, device=remade.device)
        return chosen.scatter(0, remade, True), remade, places.flatten()

    def _draw_notes(
        self, families: Sequence[str], instruments: Tensor, generator: torch.Generator
    ) -> Slots:
        device = self.pool.device
        n_mixtures, n_stems = instruments.shape
        low, high = _TEMPO_BPM
        quarter = 60 / (low + (high - low) * self._uniform(generator, n_mixtures, 1, 1))
        n_slots = math.ceil(_SECONDS / (QUARTERS[-1] * 60 / high)) + 1
        drawn = self._uniform(generator, n_mixtures, n_stems, n_slots)
        lengths = device_table(tuple(QUARTERS.tolist()), torch.float32, device)
        chances = torch.stack(
            [
                device_table(NOTE_LENGTHS.get(family, OTHER_NOTE_LENGTHS), torch.float32, device)
                for family in families
            ]
        )
        kinds = (drawn[..., None] > chances.cumsum(-1)[:, None, :-1]).sum(-1)
        slots = lengths[kinds] * quarter  # (B, S, slots)
        delay = 0.1 * quarter * self._uniform(generator, n_mixtures, n_stems, 1)
        edges = slots.cumsum(-1)
        jitter = (2 * self._uniform(generator, n_mixtures, n_stems, n_slots) - 1) * _JITTER
        starts = (edges - slots + jitter * quarter).clamp_min(0) + delay
        ends = edges + delay
        sounding = self._uniform(generator, n_mixtures, n_stems, n_slots) >= _SILENCE_PROBABILITY
        sounding = sounding | self._are_percussion(families)[:, None]
        is_silent = ~(sounding & (starts < _SECONDS)).any(-1, keepdim=True)
        first = torch.arange(n_slots, device=device) == 0
        sounding = sounding | (is_silent & first)  # no stem is silent throughout
        return Slots(self._draw_rows(instruments, n_slots, generator), starts, ends, sounding)

    def _draw_rows(self, instruments: Tensor, n_slots: int, generator: torch.Generator) -> Tensor:
        """Draw notes in a scale of each mixture, as likely as in the family, (B, S, slots)."""
        n_mixtures, n_stems = instruments.shape
        candidates = self.pool.rows[instruments]  # (B, S, most)
        scales = device_table(_SCALES, torch.bool, self.pool.device)
        kind = torch.randint(
            len(scales), (n_mixtures,), generator=generator, device=self.pool.device
        )
        in_scale = scales[kind]  # (B, 12), of a random root already
        classes = (self.pool.pitches[candidates] % 12).flatten(1)
        allowed = in_scale.gather(1, classes).view(candidates.shape) & (candidates >= 0)
        weights = self.pool.pitch_weights[candidates] * allowed
        none = weights.sum(-1, keepdim=True) == 0
        weights = torch.where(none, (candidates >= 0).float(), weights)
        columns = torch.multinomial(
            weights.flatten(0, 1), n_slots, replacement=True, generator=generator
        )
        return candidates.gather(-1, columns.view(n_mixtures, n_stems, n_slots))

    def _play(self, slots: Slots, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Play stems, each of one peak, in a window of each mixture.

        Returns:
            Power (B, S, frames, bands), and for each frame how many frames ago its note began,
            (B, S, frames).
        """
        seconds_a_frame = self.bands.hop_samples / SAMPLE_RATE
        rows, starts, _, sounding = slots
        n_mixtures = len(rows)
        latest = _SECONDS / seconds_a_frame - self.n_frames
        first = (self._uniform(generator, n_mixtures) * latest).long()
        frames = first[:, None] + torch.arange(self.n_frames, device=rows.device)  # (B, frames)
        middles = ((frames + 0.5) * seconds_a_frame)[:, None].expand(-1, rows.shape[1], -1)
        current = torch.searchsorted(starts.contiguous(), middles.contiguous()) - 1
        # Notes keep their levels beside each other; the loudest of the stem's notes has the peak.
        played = sounding & (starts < _SECONDS)
        gains = self.pool.log_gains[rows]
        gains = gains - gains.masked_fill(~played, -math.inf).amax(-1, keepdim=True)
        power, place = self._hear(current, middles, slots, gains)
        # Windows also reach to the note before, and to the one after.
        for neighbour in (current - 1, current + 1):
            power += self._hear(neighbour, middles, slots, gains)[0]
        return power, place

    def _hear(
        self, numbers: Tensor, middles: Tensor, slots: Slots, gains: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the power in each frame of the note in one slot, and the frame of the note.

        Args:
            numbers: Slots, (B, S, frames); those before the first and after the last are silent.
            middles: Of the frames, in seconds, (B, S, frames).
            slots: The notes.
            gains: Of the notes, in nepers of power, (B, S, slots).
        """
        rows, starts, ends, sounding = slots
        there = (numbers >= 0) & (numbers < rows.shape[-1])
        numbers = numbers.clamp(0, rows.shape[-1] - 1)
        row = rows.gather(-1, numbers)
        since = middles - starts.gather(-1, numbers)
        left = ends.gather(-1, numbers) - middles
        place = (since * (SAMPLE_RATE / self.bands.hop_samples)).floor().long()
        heard = there & sounding.gather(-1, numbers) & (place < self.pool.lengths[row])
        place = place.clamp(0, KEPT_FRAMES - 1)
        # All in place: what takes time here is memory. Silence stays 100 dB below the loudest.
        nepers = self.pool.levels.flatten(0, 1)[row * KEPT_FRAMES + place].float()
        nepers *= NEPERS_PER_UNIT
        own = torch.where(heard, gains.gather(-1, numbers), -math.inf)
        long, short = gate_notes(since, left, self.bands)
        n_long = self.bands.n_long_bands
        nepers[..., :n_long] += (own + long.log())[..., None]
        nepers[..., n_long:] += (own + short.log())[..., None]
        return nepers.exp_(), place

    def _stem_gains(
        self, families: Sequence[str], n_mixtures: int, generator: torch.Generator
    ) -> Tensor:
        """Draw gains in nepers of power, (B, S)."""
        drawn = (2 * self._uniform(generator, n_mixtures, len(families)) - 1) * self.level_range_db
        own = self._are_percussion(families) * _PERCUSSION_DB
        return (drawn + own) * NEPERS_PER_DB

    def _are_percussion(self, families: Sequence[str]) -> Tensor:
        """(S,) bool, made of one table a family: each choice of families would send a new one."""
        tables = [
            device_table((family == "percussion",), torch.bool, self.pool.device)
            for family in families
        ]
        return torch.cat(tables)

    def _colour(self, n_mixtures: int, generator: torch.Generator) -> Tensor:
        """Draw factors of power, (B, bands)."""
        chosen = self._uniform(generator, n_mixtures) < self.coloured_share
        filters = Recast.draw(n_mixtures, self.bands, generator, self.pool.device).static_db / 2
        return torch.where(chosen[:, None], 10 ** (filters / 10), 1.0)


def _all_scales() -> tuple[tuple[bool, ...], ...]:
    """Return the pitch classes of every scale on every root, (scales x 12, 12)."""
    members = np.zeros((len(SCALES), 12, 12), bool)
    for number, steps in enumerate(SCALES.values()):
        for root in range(12):
            members[number, root, (np.array(steps) + root) % 12] = True
    return tuple(map(tuple, members.reshape(-1, 12).tolist()))


_SCALES = _all_scales()
