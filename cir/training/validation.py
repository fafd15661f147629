"""Retrieval on held-out instruments, which decides which checkpoint is the best."""

from dataclasses import dataclass

import numpy as np

from cir.datasets.base import NoteDataset
from cir.errors import DataError
from cir.metrics import accuracies, target_ranks
from cir.mixtures.mixture_config import PAPER_FAMILIES, MixtureConfig
from cir.mixtures.pool import NotePool
from cir.mixtures.pool_tables import PoolInstrument
from cir.mixtures.render import draw_mixture
from cir.training.run_config import TrainingConfig
from cir.types import SAMPLE_RATE, Encoder, FloatArray

_N_NOTES = 300


@dataclass(frozen=True)
class Query:
    """A sound of a held-out instrument, or of several."""

    sound: FloatArray
    targets: tuple[tuple[str | None, str], ...]
    """(family, instrument_id) of what should be found in it."""


def check_validation(dataset: NoteDataset, config: TrainingConfig) -> None:
    """Refuse a run that cannot be validated, before anything is decoded.

    Raises:
        DataError: The valid split of the run's first dataset lacks instruments.
    """
    found = {one.family for one in dataset.instruments("valid") if one.effects_on}
    missing = [name for name in PAPER_FAMILIES if name not in found]
    if config.task == "pairs":
        missing = [] if found else ["any family"]
    if missing:
        raise DataError(
            f"{dataset.name} has no instrument of {', '.join(missing)} in its valid split, which "
            "decides on the best checkpoint; put a source first in data that has."
        )


class Validation:
    """Fixed queries from the valid split, ranked among all train and valid instruments.

    Only instruments of the run's first dataset count, so that runs with more data can be compared
    with those without. Mixtures are ranked within the family, notes among everything, as in the
    paper's two protocols.
    """

    def __init__(self, dataset: NoteDataset, train_pool: NotePool, config: TrainingConfig) -> None:
        """Decode the valid split of the run's first dataset and write the queries."""
        mixtures = config.task == "mixtures"
        families = PAPER_FAMILIES if mixtures else None
        pool = NotePool.from_datasets([dataset], split="valid", families=families)
        self._mixtures = mixtures
        self._references: list[FloatArray] = []
        self._ids: list[str] = []
        self._families: list[str | None] = []
        source = pool.instruments[0].source
        for notes, instrument in _originals(train_pool) + _originals(pool):
            wanted = families is None or instrument.family in families
            if wanted and instrument.source == source:
                self._references.append(notes.stored_note(instrument.rows[0]))
                self._ids.append(instrument.instrument_id)
                self._families.append(instrument.family)
        if mixtures:
            self._queries = _mixture_queries(pool, config)
        else:
            self._queries = _note_queries(pool, config.seed)

    def run(self, encoder: Encoder) -> dict[str, float]:
        """Return top-1, top-5 and mean reciprocal rank, each the mean over families."""
        references = encoder.embed(self._references, SAMPLE_RATE)
        ranks: dict[str | None, list[int]] = {}
        for query, embedded in zip(self._queries, self._embed_queries(encoder), strict=True):
            for (family, target), vector in zip(query.targets, embedded, strict=True):
                candidates = self._candidates(family)
                similarities = references[candidates] @ vector
                column = candidates.index(self._ids.index(target))
                rank = int(target_ranks(similarities[None], [column])[0])
                ranks.setdefault(family, []).append(rank)
        scores = {family: accuracies(np.array(found)) for family, found in ranks.items()}
        metrics = {
            name: float(np.mean([score[name] for score in scores.values()]))
            for name in ("top_1", "top_5", "mrr")
        }
        if self._mixtures:
            for family, score in scores.items():
                metrics[f"top_1_{family}"] = score["top_1"]
        return metrics

    def _candidates(self, family: str | None) -> list[int]:
        """Return the references that a query is compared with; for mixtures, its family's."""
        if not self._mixtures:
            return list(range(len(self._ids)))
        return [number for number, other in enumerate(self._families) if other == family]

    def _embed_queries(self, encoder: Encoder) -> FloatArray:
        """One vector per query and target, (Q, targets, D)."""
        sounds = [query.sound for query in self._queries]
        if self._mixtures:
            return encoder.embed_mixtures(sounds, SAMPLE_RATE, PAPER_FAMILIES)
        return encoder.embed(sounds, SAMPLE_RATE)[:, np.newaxis]


def _originals(pool: NotePool) -> list[tuple[NotePool, PoolInstrument]]:
    return [(pool, instrument) for instrument in pool.instruments if instrument.is_original]


def _mixture_queries(pool: NotePool, config: TrainingConfig) -> list[Query]:
    queries = []
    for number in range(config.n_validation_mixtures):
        mixture = draw_mixture(number, pool, MixtureConfig(families=PAPER_FAMILIES))
        plan = mixture.plan
        targets = tuple(zip(plan.families, plan.instrument_ids, strict=True))
        queries.append(Query(mixture.mix, targets))
    return queries


def _note_queries(pool: NotePool, seed: int) -> list[Query]:
    """Notes that are not reference notes."""
    several = [instrument for instrument in pool.instruments if len(instrument.rows) > 1]
    if not several:
        raise DataError(
            f"No valid instrument of {pool.instruments[0].source} has a note beside its reference "
            "note to validate with; put a source first in data that has."
        )
    generator = np.random.default_rng(seed)
    queries = []
    for number in generator.choice(len(several), _N_NOTES):
        instrument = several[number]
        row = int(generator.choice(instrument.rows[1:]))
        targets = (("all", instrument.instrument_id),)
        queries.append(Query(pool.stored_note(row), targets))
    return queries
