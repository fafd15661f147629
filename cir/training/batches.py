"""Batches of sounds on the device that trains."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cir.mixtures.pool import NotePool
from cir.mixtures.render import render_plan
from cir.model.ast_config import EncoderConfig
from cir.training.sampler import MixtureBatchPlan, PairPlan
from cir.types import FloatArray


@dataclass(frozen=True)
class PairBatch:
    """Two notes of each of P instruments."""

    notes: Tensor
    """Waveforms, (P, 2, T)."""
    instruments: Tensor
    """Numbers in the pool, (P,)."""

    @property
    def n_clips(self) -> int:
        """Sounds to embed."""
        return self.instruments.numel() * self.notes.shape[1]


@dataclass(frozen=True)
class MixtureBatch:
    """B mixtures of S stems in all, and a note of each stem's instrument."""

    mixtures: Tensor
    """Waveforms, (B, T)."""
    notes: Tensor
    """Waveforms, (S, t)."""
    owners: Tensor
    """The mixture of each stem, (S,), ascending."""
    queries: Tensor
    """The number of each stem's family among the encoder's, -1 where it has no query, (S,)."""
    instruments: Tensor
    """Instrument of each stem, numbers in the pool, (S,)."""

    @property
    def n_clips(self) -> int:
        """Sounds to embed, mixtures and notes."""
        return len(self.mixtures) + len(self.notes)


class BatchRenderer:
    """Renders what the sampler planned, and brings it to a device."""

    def __init__(self, pool: NotePool, encoder: EncoderConfig, device: torch.device) -> None:
        self._pool = pool
        self._encoder = encoder
        self._device = device

    def pairs(self, plan: PairPlan) -> PairBatch:
        """Return the waveforms of each instrument."""
        rows = [row for pair in plan.rows for row in pair]
        return PairBatch(
            self.clips(rows).view(len(plan.rows), len(plan.rows[0]), -1),
            self._numbers(plan.instruments),
        )

    def mixtures(self, plan: MixtureBatchPlan) -> MixtureBatch:
        """Return the mixtures, a note for each stem, and which belong together."""
        families = self._encoder.families
        stems = [
            (owner, stem.instrument, family)
            for owner, mixture in enumerate(plan.mixtures)
            for stem, family in zip(mixture.stems, mixture.families, strict=True)
        ]
        owners, instruments, names = zip(*stems, strict=True)
        return MixtureBatch(
            mixtures=self._to_device([render_plan(one, self._pool).mix for one in plan.mixtures]),
            notes=self.clips([row for rows in plan.note_rows for row in rows]),
            owners=self._numbers(owners),
            queries=self._numbers([families.index(n) if n in families else -1 for n in names]),
            instruments=self._numbers(instruments),
        )

    def clips(self, rows: list[int]) -> Tensor:
        """Return notes of the pool, (N, T), padded or cut to the length that the encoder takes."""
        return self._to_device(self._pool.clips(rows, self._encoder.note_samples))

    def _to_device(self, sounds: FloatArray | list[FloatArray]) -> Tensor:
        return torch.from_numpy(np.asarray(sounds)).to(self._device)

    def _numbers(self, values: "list[int] | tuple[int, ...]") -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)
