"""Placed notes as one flat gather and one scatter: no loop over notes, hence made for a GPU."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cir.mixtures.decode import INT16_SCALE
from cir.mixtures.device_notes import DeviceNotes
from cir.mixtures.plan import PlacedNote

_CHUNK_SAMPLES = 2**24
"""Samples placed at a time: each needs some 60 bytes on the device."""


def add_notes(parts: Sequence[Sequence[PlacedNote]], notes: DeviceNotes, n_samples: int) -> Tensor:
    """Add up the notes of each part, float32, (parts, n_samples)."""
    track = torch.zeros(len(parts) * n_samples, device=notes.device)
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    placed = np.array([note for part in parts for note in part], np.float64).reshape(-1, 5)
    rows, starts, lengths, fades = placed[:, :4].astype(np.int64).T
    firsts = notes.pool.starts[rows]
    stored = notes.pool.starts[rows + 1] - firsts
    played = np.minimum(stored, lengths)
    is_cut = stored > lengths
    heard = np.minimum(played, n_samples - starts)
    # An uncut note takes a ramp of one sample that ends after it.
    ramp_ends = np.where(is_cut, played - 1, played)
    ramp_lengths = np.where(is_cut, np.minimum(fades, played), 1)
    gains = notes.pool.gains[rows] * placed[:, 4] / INT16_SCALE
    table = np.stack([heard, firsts, owners * n_samples + starts, ramp_ends, ramp_lengths])
    for chunk in _chunks(heard):
        _add_chunk(track, table[:, chunk], gains[chunk].astype(np.float32), notes)
    return track.view(len(parts), n_samples)


def _add_chunk(
    track: Tensor, table: NDArray[np.int64], gains: NDArray[np.float32], notes: DeviceNotes
) -> None:
    device = notes.device
    total = int(table[0].sum())
    heard, firsts, targets, ramp_ends, ramp_lengths = torch.from_numpy(table).to(device)
    numbers = torch.arange(len(heard), device=device)
    note = torch.repeat_interleave(numbers, heard, output_size=total)  # (total,)
    time = torch.arange(total, device=device) - (heard.cumsum(0) - heard)[note]
    ramp = ((ramp_ends[note] - time) / ramp_lengths[note]).clamp_(max=1.0)
    sound = notes.samples[firsts[note] + time] * torch.from_numpy(gains).to(device)[note]
    track.index_add_(0, targets[note] + time, sound.mul_(ramp))


def _chunks(heard: NDArray[np.int64]) -> list[slice]:
    """Consecutive notes of not much more than `_CHUNK_SAMPLES` together."""
    numbers = np.cumsum(heard) // _CHUNK_SAMPLES
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(heard)]
    return [slice(first, end) for first, end in zip(edges[:-1], edges[1:], strict=True)]
