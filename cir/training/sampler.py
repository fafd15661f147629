"""The content of each batch: a pure function of (seed, step), the same on every machine."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Never

import numpy as np
from numpy.typing import NDArray

from cir.errors import DataError
from cir.mixtures.mixture_config import PAPER_FAMILIES, MixtureConfig
from cir.mixtures.plan import MixturePlan
from cir.mixtures.planning import plan_sounding
from cir.mixtures.pool import NotePool
from cir.training.run_config import TrainingConfig

_FEWEST_STEMS = 2


@dataclass(frozen=True)
class PairPlan:
    """Two notes of each of P instruments."""

    instruments: tuple[int, ...]
    """Numbers in the pool."""
    rows: tuple[tuple[int, int], ...]
    """Notes in the pool."""


@dataclass(frozen=True)
class MixtureBatchPlan:
    """B mixtures, and a note of each instrument in them."""

    mixtures: tuple[MixturePlan, ...]
    note_rows: tuple[tuple[int, ...], ...]
    """Notes in the pool, one for each stem."""


class BatchSampler:
    """Draws batches of all processes together, and gives each process its share."""

    def __init__(self, pool: NotePool, config: TrainingConfig) -> None:
        """Sort the pool's instruments: variants (twins, recast copies) under their original.

        Raises:
            DataError: There are too few instruments for batches of mixtures.
        """
        self.pool = pool
        self.config = config
        self._variants: dict[str, list[int]] = {}
        for number, instrument in enumerate(pool.instruments):
            self._variants.setdefault(instrument.instrument_id, []).append(number)
        self._originals = {
            instrument_id: next((n for n in numbers if pool.instruments[n].is_original), numbers[0])
            for instrument_id, numbers in self._variants.items()
        }
        self._weights = self._source_weights()
        self._names = self._drawable(self._variants)
        names = {family: self._names_of(family) for family in pool.families}
        self._family_names = {family: members for family, members in names.items() if len(members)}
        if config.task == "mixtures":
            self._check_paper_families()

    def pairs(self, step: int, process: int = 0, n_processes: int = 1) -> PairPlan:
        """Draw pairs, some of one family as hard negatives; no instrument meets its own twin."""
        generator = self._generator(step)
        n_pairs = min(self.config.batch_size, len(self._names))
        chosen = self._draw_of_one_family(generator, round(n_pairs * self.config.hard_negatives))
        rest = self._names[~np.isin(self._names, chosen)]
        chosen += list(self._choose(generator, rest, n_pairs - len(chosen)))
        numbers = [self._draw_variant(generator, str(name), least_notes=2) for name in chosen]
        rows = [self._draw_notes(generator, number) for number in numbers]
        share = slice(process, None, n_processes)
        return PairPlan(tuple(numbers[share]), tuple(rows[share]))

    def mixtures(self, step: int, process: int = 0, n_processes: int = 1) -> MixtureBatchPlan:
        """Draw mixtures; no instrument, nor its twin, is in two of them, in any process."""
        generator = self._generator(step)
        used: set[str] = set()
        casts = [self._draw_cast(generator, used) for _ in range(self.config.batch_size)]
        share = casts[process::n_processes]
        return MixtureBatchPlan(
            tuple(write_plan() for write_plan, _ in share), tuple(rows for _, rows in share)
        )

    def _check_paper_families(self) -> None:
        """Refuse families with fewer instruments than a batch has mixtures: they would run out."""
        if self.config.paper_probability == 0:
            return
        for family in PAPER_FAMILIES:
            if len(self._family_names.get(family, ())) < self.config.batch_size:
                self._refuse(family)

    def _refuse(self, family: str) -> Never:
        raise DataError(
            f"A batch of {self.config.batch_size} mixtures needs more than the "
            f"{len(self._family_names.get(family, ()))} instruments of family {family!r} at hand; "
            "make batch_size smaller, or add a source that has more."
        )

    def _drawable(self, names: Iterable[str]) -> NDArray[np.str_]:
        """Return those of sources that are drawn from at all, each once, sorted."""
        weights = self._weights
        return np.array(sorted({n for n in names if weights is None or weights[n] > 0}), dtype=str)

    def _names_of(self, family: str) -> NDArray[np.str_]:
        members = {self.pool.instruments[n].instrument_id for n in self.pool.of_family(family)}
        return self._drawable(members & self._variants.keys())

    def _draw_of_one_family(self, generator: np.random.Generator, n: int) -> list[str]:
        """Draw different instruments of a family, which is as likely as it has members."""
        if not self._family_names:
            return []
        families = list(self._family_names)
        sizes = np.array([len(self._family_names[name]) for name in families])
        family = self._family_names[str(generator.choice(families, p=sizes / sizes.sum()))]
        return list(self._choose(generator, family, min(n, len(family))))

    def _draw_cast(
        self, generator: np.random.Generator, used: set[str]
    ) -> tuple[Callable[[], MixturePlan], tuple[int, ...]]:
        """Draw a mixture, to be planned by the process that plays it, and a note for each stem."""
        families = self._draw_families(generator, used)
        numbers = tuple(self._draw_unused(generator, name, used) for name in families)
        rows = tuple(self._draw_note(generator, number) for number in numbers)
        config = MixtureConfig(
            duration_seconds=self.config.encoder.mixture_seconds,
            families=tuple(families),
            level_range_db=self.config.level_range_db,
        )
        seed = int(generator.integers(2**31))
        return partial(plan_sounding, seed, self.pool, config, instruments=numbers), rows

    def _generator(self, step: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, step])

    def _draw_families(self, generator: np.random.Generator, used: set[str]) -> Sequence[str]:
        """Draw the paper's families, or any that still have an unused instrument.

        No family plays twice, for a family query has one answer.
        """
        if generator.uniform() < self.config.paper_probability:
            return PAPER_FAMILIES
        left = {
            name: len(members) - len(used.intersection(members))
            for name, members in self._family_names.items()
        }
        weights = np.sqrt(list(left.values()))
        n_left = int((weights > 0).sum())
        n_stems = len(PAPER_FAMILIES)
        if n_left < min(n_stems, _FEWEST_STEMS):
            raise DataError(
                f"A batch of {self.config.batch_size} mixtures needs more than the "
                f"{len(self._names)} instruments in {len(left)} families at hand; make batch_size "
                "smaller, or add a source that has more."
            )
        n_stems = min(n_stems, n_left)
        drawn = generator.choice(list(left), n_stems, replace=False, p=weights / weights.sum())
        return [str(name) for name in drawn]

    def _draw_unused(self, generator: np.random.Generator, family: str, used: set[str]) -> int:
        """Draw an instrument of the family that is new to the batch."""
        members = self._family_names.get(family, ())
        free = np.array([name for name in members if name not in used])
        if not len(free):
            self._refuse(family)
        name = str(self._choose(generator, free, 1)[0])
        used.add(name)
        return self._draw_variant(generator, name)

    def _choose(
        self, generator: np.random.Generator, names: NDArray[np.str_], n: int
    ) -> NDArray[np.str_]:
        """Draw different instruments, as likely as the weights of their sources make them."""
        if self._weights is None:
            return generator.choice(names, n, replace=False)
        weights = np.array([self._weights[str(name)] for name in names])
        return generator.choice(names, n, replace=False, p=weights / weights.sum())

    def _source_weights(self) -> dict[str, float] | None:
        """Return how likely each instrument is within its family, None for all alike."""
        if not self.config.data_weights:
            return None
        sources = list(dict.fromkeys(one.source for one in self.pool.instruments))
        weight_of = dict(zip(sources, self.config.data_weights, strict=True))
        originals = {name: self.pool.instruments[n] for name, n in self._originals.items()}
        sizes: dict[tuple[str, str | None], int] = {}
        for one in originals.values():
            sizes[one.source, one.family] = sizes.get((one.source, one.family), 0) + 1
        return {
            name: weight_of[one.source] / sizes[one.source, one.family]
            for name, one in originals.items()
        }

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
        return int(generator.choice(variants or [self._originals[instrument_id]]))

    def _draw_notes(self, generator: np.random.Generator, number: int) -> tuple[int, int]:
        """Draw two different notes, or twice the only one."""
        first, second = np.resize(generator.permutation(self.pool.instruments[number].rows), 2)
        return int(first), int(second)

    def _draw_note(self, generator: np.random.Generator, number: int) -> int:
        rows = self.pool.instruments[number].rows
        if generator.uniform() < self.config.reference_probability:
            return int(rows[0])
        return int(generator.choice(rows))
