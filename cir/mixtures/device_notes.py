"""All notes of a pool in one tensor on the device that mixes them."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cir.mixtures.decode import INT16_SCALE
from cir.mixtures.pool import NotePool


class DeviceNotes:
    """The samples of a pool, (T,) int16, on a device; on the CPU they are the pool's own.

    Attributes:
        pool: Whose notes these are.
        samples: On `device`, (T,) int16.
        device: Where.
    """

    def __init__(self, pool: NotePool, device: torch.device | str = "cpu") -> None:
        self.pool = pool
        self.device = torch.device(device)
        with warnings.catch_warnings():
            # A pool that was loaded is mapped read-only, and nothing here writes.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self.samples = torch.from_numpy(np.asarray(pool.samples)).to(self.device)

    def clips(self, rows: Sequence[int] | NDArray[np.int64], n_samples: int) -> Tensor:
        """The first samples of some notes, short ones padded with zeros, float32, (N, n_samples).

        The same numbers as `NotePool.stored_note` gives.
        """
        chosen = np.asarray(rows, np.int64)
        starts = self.pool.starts[chosen]
        lengths = np.minimum(self.pool.starts[chosen + 1] - starts, n_samples)
        if self.device.type == "cpu":
            return self._copy(starts, lengths, n_samples)
        return self._gather(starts, lengths, n_samples)

    def _copy(
        self, starts: NDArray[np.int64], lengths: NDArray[np.int64], n_samples: int
    ) -> Tensor:
        """Note by note: far less traffic than indices."""
        clips = np.zeros((len(starts), n_samples), np.float32)
        for clip, start, length in zip(clips, starts, lengths, strict=True):
            clip[:length] = self.pool.samples[start : start + length]
        return torch.from_numpy(clips).div_(INT16_SCALE)

    def _gather(
        self, starts: NDArray[np.int64], lengths: NDArray[np.int64], n_samples: int
    ) -> Tensor:
        """All at once."""
        table = torch.from_numpy(np.stack([starts, lengths])).to(self.device)
        time = torch.arange(n_samples, device=self.device)
        inside = time < table[1, :, None]
        places = torch.where(inside, table[0, :, None] + time, 0)
        return torch.where(inside, self.samples[places].float() / INT16_SCALE, 0.0)
