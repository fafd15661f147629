"""Batches as pure functions of (seed, step, process): the same draw on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cir.audio.dsp import pad_or_trim
from cir.errors import DataError
from cir.mixtures.pool import NotePool
from cir.mixtures.render import draw_mixture
from cir.mixtures.score import MixtureConfig
from cir.training.config import TrainingConfig
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
        return 2 * len(self.notes)

    def to(self, device: torch.device) -> "PairBatch":
        """The same on another device."""
        return PairBatch(self.notes.to(device), self.instruments.to(device))


@dataclass(frozen=True)
class MixtureBatch:
    """B mixtures of S instruments, and notes of instruments in them."""

    mixtures: Tensor
    """Waveforms, (B, T)."""
    notes: Tensor
    """Waveforms of the instruments of the first N mixtures, (N, S, t) with N <= B."""
    families: Tensor
    """Which of the network's answers belongs to which stem, (B, S): 0 is the whole mixture's."""
    instruments: Tensor
    """Numbers in the pool, (B, S)."""

    @property
    def n_clips(self) -> int:
        """Sounds to embed, mixtures and notes."""
        return len(self.mixtures) + len(self.notes) * self.notes.shape[1]

    def to(self, device: torch.device) -> "MixtureBatch":
        """The same on another device."""
        return MixtureBatch(
            self.mixtures.to(device),
            self.notes.to(device),
            self.families.to(device),
            self.instruments.to(device),
        )


class BatchSampler:
    """Draws batches from a pool."""

    def __init__(self, pool: NotePool, config: TrainingConfig) -> None:
        """Sort the pool's instruments: variants (twins, resampled copies) under their original."""
        self.pool = pool
        self.config = config
        self._variants: dict[str, list[int]] = {}
        for number, instrument in enumerate(pool.instruments):
            self._variants.setdefault(instrument.instrument_id, []).append(number)
        self._originals = {
            instrument_id: next(n for n in numbers if pool.instruments[n].is_original)
            for instrument_id, numbers in self._variants.items()
        }
        self._family_names = {
            name: sorted({pool.instruments[n].instrument_id for n in pool.of_family(name)})
            for name in pool.families
        }

    def pairs(self, step: int, process: int) -> PairBatch:
        """Half of the instruments are of one family, hard negatives; none meets its own twin."""
        generator = self._generator(step, process)
        n_pairs = self.config.batch_size
        names = sorted(self._variants)
        sizes = np.array([len(self._family_names[name]) for name in self._family_names])
        family = generator.choice(list(self._family_names), p=sizes / sizes.sum())
        hard = self._family_names[str(family)]
        chosen = list(generator.permutation(hard)[: n_pairs // 2])
        rest = [name for name in generator.permutation(names) if name not in set(chosen)]
        chosen += rest[: n_pairs - len(chosen)]
        numbers = [self._draw_variant(generator, str(name), least_notes=2) for name in chosen]
        notes = [
            [self._clip(row) for row in generator.permutation(self.pool.instruments[n].rows)[:2]]
            for n in numbers
        ]
        return PairBatch(torch.from_numpy(np.array(notes)), torch.tensor(numbers))

    def mixtures(self, step: int, process: int) -> MixtureBatch:
        """Mixtures that share no instrument, nor one's twin, with another of the batch."""
        generator = self._generator(step, process)
        queries = self.config.encoder.families
        duration = self.config.encoder.mixture_seconds
        with_notes = self.config.mixtures_with_notes or self.config.batch_size
        used: set[str] = set()
        mixes: list[FloatArray] = []
        notes: list[list[FloatArray]] = []
        families: list[list[int]] = []
        instruments: list[list[int]] = []
        for _ in range(self.config.batch_size):
            names = self._draw_families(generator, used)
            numbers = [self._draw_unused(generator, name, used) for name in names]
            mixture = draw_mixture(
                int(generator.integers(2**31)),
                self.pool,
                MixtureConfig(
                    duration_seconds=duration,
                    families=tuple(names),
                    level_range_db=self.config.level_range_db,
                ),
                instruments=tuple(numbers),
            )
            mixes.append(mixture.mix)
            if len(notes) < with_notes:
                notes.append([self._draw_clip(generator, number) for number in numbers])
            families.append([1 + queries.index(n) if n in queries else 0 for n in names])
            instruments.append(numbers)
        return MixtureBatch(
            torch.from_numpy(np.array(mixes)),
            torch.from_numpy(np.array(notes)),
            torch.tensor(families),
            torch.tensor(instruments),
        )

    def _generator(self, step: int, process: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, step, process])

    def _draw_families(self, generator: np.random.Generator, used: set[str]) -> Sequence[str]:
        """The paper's families, or any that still have an unused instrument."""
        paper = self.config.paper_families
        if generator.uniform() < self.config.paper_probability:
            return paper
        left = {
            name: len([member for member in members if member not in used])
            for name, members in self._family_names.items()
        }
        weights = np.sqrt(list(left.values()))
        drawn = generator.choice(list(left), len(paper), replace=False, p=weights / weights.sum())
        return [str(name) for name in drawn]

    def _draw_unused(self, generator: np.random.Generator, family: str, used: set[str]) -> int:
        """An instrument of the family that is new to the batch."""
        free = [name for name in self._family_names[family] if name not in used]
        if not free:
            raise DataError(
                f"A batch of {self.config.batch_size} mixtures needs more than the "
                f"{len(self._family_names[family])} instruments of family {family!r} at hand; "
                "make batch_size smaller."
            )
        name = str(generator.choice(free))
        used.add(name)
        return self._draw_variant(generator, name)

    def _draw_variant(
        self, generator: np.random.Generator, instrument_id: str, *, least_notes: int = 1
    ) -> int:
        if generator.uniform() < self.config.original_probability:
            return self._originals[instrument_id]
        variants = [
            number
            for number in self._variants[instrument_id]
            if len(self.pool.instruments[number].rows) >= least_notes
        ]
        return int(generator.choice(variants))

    def _draw_clip(self, generator: np.random.Generator, number: int) -> FloatArray:
        rows = self.pool.instruments[number].rows
        if generator.uniform() < self.config.reference_probability:
            return self._clip(rows[0])
        return self._clip(int(generator.choice(rows)))

    def _clip(self, row: int) -> FloatArray:
        return pad_or_trim(self.pool.stored_note(row), self.config.encoder.note_samples)
