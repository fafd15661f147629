"""The notes that a run trains on, as one tensor, with tables to draw from it by index."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cir.errors import DataError
from cir.training.feature_cache import KEPT_FRAMES, FeatureCache

_TWIN_WEIGHT = 0.5


@dataclass(frozen=True)
class FeaturePool:
    """Training instruments of several datasets; every tensor lies on one device."""

    levels: Tensor
    """Notes one after the other, float16, (N, KEPT_FRAMES, bands)."""
    pitches: Tensor
    """MIDI note numbers, (N,)."""
    log_gains: Tensor
    """Natural logarithms of the power that each note has at its instrument's own level, (N,)."""
    lengths: Tensor
    """Lengths in frames, (N,)."""
    pitch_weights: Tensor
    """Number of notes of the same family with the pitch of each note, (N,)."""
    rows: Tensor
    """Notes of each instrument, its reference note first, padded with -1, (I, most)."""
    n_notes: Tensor
    """Number of notes of each instrument, (I,)."""
    weights: Tensor
    """How often each instrument is drawn, relative to the others, (I,)."""
    plays: Tensor
    """Whether it plays in mixtures, as effects-off twins do not, (I,)."""
    families: tuple[str, ...]
    """Family of each instrument; empty for none."""
    sources: tuple[str, ...]

    @classmethod
    def join(
        cls, caches: Sequence[FeatureCache], weights: Sequence[float], device: str = "cpu"
    ) -> "FeaturePool":
        """Join the training instruments of caches.

        Args:
            caches: Caches of one band configuration.
            weights: How often an instrument of each cache is drawn, relative to the others.
            device: Device of all tensors.

        Raises:
            DataError: None of them has a training instrument.
        """
        levels, pitches, gains, lengths, groups = [], [], [], [], []
        drawn, plays, families, sources = [], [], [], []
        n_before = 0
        for cache, weight in zip(caches, weights, strict=True):
            table = cache.table
            wanted = np.flatnonzero(table.splits == "train")
            own = np.flatnonzero(np.isin(table.instruments, wanted))
            levels.append(torch.from_numpy(cache.levels[own]))
            pitches.append(table.pitches[own])
            gains.append(table.gains[own])
            lengths.append(table.lengths[own])
            owners = table.instruments[own]
            groups += [n_before + np.flatnonzero(owners == number) for number in wanted]
            n_before += len(own)
            effects_on = table.effects_on[wanted]
            drawn.append(weight * np.where(effects_on, 1.0, _TWIN_WEIGHT))
            plays.append(effects_on)
            families += table.families[wanted].tolist()
            sources += table.sources[wanted].tolist()
        if not groups:
            raise DataError("None of the datasets has a training instrument; choose others.")
        sizes = np.array([len(group) for group in groups])
        all_pitches = np.concatenate(pitches)
        counts = _count_pitches(all_pitches, np.repeat(families, sizes))
        rows = np.full((len(groups), sizes.max()), -1)
        for row, group in zip(rows, groups, strict=True):
            row[: len(group)] = group
        return cls(
            levels=torch.cat(levels).to(device),
            pitches=torch.from_numpy(all_pitches).to(device),
            log_gains=torch.from_numpy(2 * np.log(np.concatenate(gains))).float().to(device),
            lengths=torch.from_numpy(np.concatenate(lengths)).to(device),
            pitch_weights=torch.from_numpy(counts).float().to(device),
            rows=torch.from_numpy(rows).to(device),
            n_notes=torch.from_numpy(sizes).to(device),
            weights=torch.from_numpy(np.concatenate(drawn)).float().to(device),
            plays=torch.from_numpy(np.concatenate(plays)).to(device),
            families=tuple(families),
            sources=tuple(sources),
        )

    @property
    def device(self) -> torch.device:
        """Device of every tensor."""
        return self.levels.device

    def of_family(self, family: str) -> Tensor:
        """Return the instruments of the family that may play in mixtures, ascending."""
        return self._by_family.get(family, self.n_notes[:0])

    @cached_property
    def _by_family(self) -> dict[str, Tensor]:
        names = np.array(self.families)
        plays = self.plays.cpu().numpy()
        return {
            family: torch.from_numpy(np.flatnonzero((names == family) & plays)).to(self.device)
            for family in sorted(set(self.families) - {""})
        }

    def notes(self, rows: Tensor, n_frames: int = KEPT_FRAMES) -> Tensor:
        """Return levels of the first frames of notes, float32, (*rows, n_frames, bands)."""
        return self.levels[rows, :n_frames].float()

    def any_note(
        self, instruments: Tensor, generator: torch.Generator, *, reference_share: float = 0.0
    ) -> Tensor:
        """Draw a note of each instrument: its reference note in `reference_share` of all cases.

        The others are uniform over its notes. The result has the shape of `instruments`.
        """
        shape = (2, *instruments.shape)
        draws, kinds = torch.rand(shape, generator=generator, device=self.device)
        columns = (draws * self.n_notes[instruments]).long()
        return self.rows[instruments, torch.where(kinds < reference_share, 0, columns)]


@lru_cache(maxsize=512)
def device_table(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a small constant table on a device, sent there once: the host waits whenever it sends.

    Args:
        values: Numbers, or tuples of them.
        dtype: Of the table; False and 0 are one key of a cache, and would be one table.
        device: Where the table lies; nobody may change it.
    """
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)


def _count_pitches(pitches: NDArray[np.int64], families: NDArray[np.str_]) -> NDArray[np.int64]:
    """Count the notes of the same family with the pitch of each note, (N,)."""
    _, kinds = np.unique(families, return_inverse=True)
    _, cells, counts = np.unique(kinds * 128 + pitches, return_inverse=True, return_counts=True)
    counted: NDArray[np.int64] = counts[cells]
    return counted
