"""Fitting a calibration: chances and novelty, on instruments held out of training."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from cir.errors import DataError, InputError
from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.fit_chances import RankedQueries, fit_chances, fit_levels
from cir.evaluation.fit_novelty import NovelQueries, fit_novelty, weighted_quantile
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references, timed
from cir.index.calibration import FIRST, Calibration
from cir.index.chances import ChanceLevels, Likeness
from cir.metrics import Float64Array, IntArray, target_ranks
from cir.types import Encoder, FloatArray, Instrument, Progress, part

FALSE_ALARM_RATE = 0.05
"""Share of present instruments that a calibrated database calls absent."""
LEAST_INSTRUMENTS = 15
"""Families of which fewer instruments play get no chances."""
CALIBRATION_MIXTURES = 2_000
_Told: TypeAlias = tuple[Float64Array, int, float]
"""Scores of a query's candidates, best first, the place of the right one, the query's weight."""
_MATCHES = 20
_LEAST_SHARED = 0.8
"""Least share of a family's instruments that database and calibration data have in common."""
_SIZES = (3, 10, 30, 100)
"""Numbers of candidates in databases smaller than the data."""
_STEMS = (2, 3, 4)
_NAME = "model"


def draw_candidates(
    similarities: FloatArray | Float64Array,
    count: int,
    generator: np.random.Generator,
    *,
    keep: IntArray | None = None,
    drop: IntArray | None = None,
) -> tuple[Float64Array, IntArray]:
    """Draw candidates for each query and rank them.

    Args:
        similarities: (Q, N).
        count: Number of candidates to draw, all of them if there are fewer.
        generator: Random generator.
        keep: Column of each query that is always drawn, (Q,).
        drop: Column of each query that is never drawn, (Q,).

    Returns:
        Similarities, best first, (Q, min(count, N or N - 1)), and the place of `keep` among them,
        from 0, ties counted against it, (Q,); zeros without `keep`.
    """
    queries = np.arange(len(similarities))
    keys = generator.random(similarities.shape)  # the smallest are drawn
    if keep is not None:
        keys[queries, keep] = -1.0
    if drop is not None:
        keys[queries, drop] = 2.0
    size = min(count, similarities.shape[1] - (drop is not None))
    columns = np.argsort(keys, axis=1)[:, :size]
    drawn = np.take_along_axis(similarities, columns, axis=1).astype(np.float64)
    order = np.argsort(-drawn, axis=1, kind="stable")
    ranked = np.take_along_axis(drawn, order, axis=1)
    if keep is None:
        return ranked, np.zeros(len(queries), dtype=np.int64)
    kept = (columns == keep[:, None]).argmax(axis=1)
    return ranked, target_ranks(drawn, kept) - 1


def calibrate(
    encoder: Encoder,
    gallery: Gallery,
    *,
    n_mixtures: int = CALIBRATION_MIXTURES,
    split: str = "valid",
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Fit chances and novelty on mixtures of two to four instruments of any families.

    All instruments have the same weight, however often they play. Chances hold for searches among
    all references of a family. Novelty is also fitted on draws of 3, 10, 30 and 100 references, so
    that it holds for databases of other sizes.

    Args:
        encoder: Encoder that is calibrated.
        gallery: Notes and references.
        n_mixtures: Number of mixtures.
        split: Split of the instruments that play: neither that of training nor that of the test.
        seed: Seed of mixtures and draws.
        progress: Called with the fraction done.

    Raises:
        InputError: There is no such split, or there are too few mixtures.
        DataError: The split has too few instruments.
    """
    answers = list(_ask(encoder, gallery, n_mixtures, split, seed, progress))
    words = f"{n_mixtures} mixtures of {', '.join(gallery.sources)}, {split} split, seed {seed}"
    return fit_calibration(answers, identity=encoder.identity, about=words, seed=seed)


def fit_calibration(
    answers: Sequence[FamilyAnswers],
    *,
    identity: str,
    about: str,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    least_instruments: int = LEAST_INSTRUMENTS,
    seed: int = 0,
) -> Calibration:
    """Fit chances and novelty on answers of a model.

    Args:
        answers: Queries of any families, some of them for families that do not play.
        identity: Identity of the model.
        about: One line on the queries.
        false_alarm_rate: Share of present instruments that may be called absent.
        least_instruments: Families of which fewer instruments play get no chances.
        seed: Seed of the draws of candidates.

    Raises:
        DataError: There are too few queries.
    """
    present = [one.present() for one in answers]
    plays = Counter(name for one in present for name in one.instruments)
    if not plays:
        raise DataError("A calibration needs queries whose instrument is known; there are none.")
    generator = np.random.default_rng(seed)
    novel: list[NovelQueries] = []
    owners: dict[str, set[str]] = defaultdict(set)
    for one in present:
        owners[one.family].update(one.instruments)
    for one in answers:
        absent = sum(len(other.absent()) for other in answers if other.family == one.family)
        share = len(owners[one.family]) / max(1, absent)
        _draw_queries(one, plays, share, generator, novel)
    novelty, threshold = fit_novelty(novel, false_alarm_rate)
    known = {family for family, names in owners.items() if len(names) >= least_instruments}
    asked = [_rank(one, plays) for one in present if one.family in known or not known]
    chance = fit_chances(asked)
    told: list[_Told] = [
        (chance.scores(row, one.family), place, weight)
        for one in asked
        for row, place, weight in zip(one.ranked, one.places, one.weights, strict=True)
        if novelty.novelty(row, one.family) <= threshold  # the others get no chances
    ]
    if not told:
        raise DataError("A calibration needs queries that differ; to this model all are equal.")
    return Calibration(
        identity=identity,
        about=about,
        candidates={one.family: len(one.candidates) for one in present if one.family in known},
        chance=chance,
        levels=_fit_match_levels(told),
        first_levels=_fit_first_levels(told),
        likeness=_fit_likeness(present, plays),
        novelty=novelty,
        threshold=threshold,
        false_alarm_rate=false_alarm_rate,
    )


def hold_to(
    calibration: Calibration, gallery: Gallery, instruments: Iterable[Instrument]
) -> Calibration:
    """Restrict chances to the families whose candidates in a database are mostly those fitted on.

    Args:
        calibration: Calibration of the gallery.
        gallery: Data that the calibration was fitted on.
        instruments: Instruments of the database.
    """
    of_family: dict[str | None, set[str]] = defaultdict(set)
    for one in instruments:
        of_family[one.family].add(one.instrument_id)
    candidates = {}
    for family in calibration.candidates:
        fitted = {one.instrument_id for one in gallery.entries if one.family == family}
        here = of_family[family]
        if here and len(fitted & here) >= _LEAST_SHARED * max(len(fitted), len(here)):
            candidates[family] = len(here)
    return replace(calibration, candidates=candidates)


def _rank(present: FamilyAnswers, plays: Mapping[str, int]) -> RankedQueries:
    """Rank all candidates of queries whose instrument is present."""
    return RankedQueries(
        present.family,
        -np.sort(-present.similarities.astype(np.float64), axis=1),
        present.ranks - 1,
        np.array([1.0 / plays[name] for name in present.instruments]),
    )


def _fit_match_levels(told: Sequence[_Told]) -> ChanceLevels:
    """Fit the chance of a match at a rank that the page can show."""
    scores = [row[:_MATCHES] for row, _, _ in told]
    right = [np.arange(len(row)) == place for row, (_, place, _) in zip(scores, told, strict=True)]
    weights = [np.full(len(row), one[2]) for row, one in zip(scores, told, strict=True)]
    return fit_levels(
        np.concatenate(scores), np.concatenate(right).astype(np.float64), np.concatenate(weights)
    )


def _fit_first_levels(told: Sequence[_Told]) -> ChanceLevels:
    """Fit the chance that the instrument is among the first five."""
    return fit_levels(
        np.array([row[:FIRST].sum() for row, _, _ in told]),
        np.array([float(place < FIRST) for _, place, _ in told]),
        np.array([weight for _, _, weight in told]),
    )


def _fit_likeness(present: Sequence[FamilyAnswers], plays: Mapping[str, int]) -> Likeness:
    """Fit "similar" to three quarters of the right instruments, "very similar" to one quarter."""
    own = np.concatenate(
        [one.similarities[np.arange(len(one)), one.targets].astype(np.float64) for one in present]
    )
    weights = np.array([1.0 / plays[name] for one in present for name in one.instruments])
    return Likeness(*(weighted_quantile(own, weights, share) for share in (0.25, 0.75)))


def _draw_queries(
    answers: FamilyAnswers,
    plays: Mapping[str, int],
    absent_weight: float,
    generator: np.random.Generator,
    novel: list[NovelQueries],
) -> None:
    """Rank candidate sets of several sizes for each query.

    Args:
        answers: Queries for one family.
        plays: How often each instrument plays, in all answers.
        absent_weight: Weight of a query whose family does not play.
        generator: Random generator of the draws.
        novel: Receives queries whose instrument is present, the same without the right candidate,
            and queries whose family does not play.
    """
    here, absent = answers.present(), answers.absent()
    n_candidates = len(answers.candidates)
    sizes = [size for size in _SIZES if size < n_candidates] + [n_candidates]
    weights = np.array([1.0 / plays[name] for name in here.instruments]) / len(sizes)
    absent_weights = np.full(len(absent), absent_weight / len(sizes))
    for size in sizes:
        whole = size == n_candidates
        found, _ = draw_candidates(here.similarities, size, generator, keep=here.targets)
        others, _ = draw_candidates(here.similarities, size, generator, drop=here.targets)
        nobody, _ = draw_candidates(absent.similarities, size, generator)
        novel.append(NovelQueries(here.family, found, False, weights, whole))
        novel.append(NovelQueries(here.family, others, True, weights, whole))
        novel.append(NovelQueries(here.family, nobody, True, absent_weights, whole))


def _ask(
    encoder: Encoder,
    gallery: Gallery,
    n_mixtures: int,
    split: str,
    seed: int,
    progress: Progress | None,
) -> Iterator[FamilyAnswers]:
    """Answer for the families of mixtures of 2, 3 and 4 instruments, and for one absent family."""
    families = gallery.families_of(split)
    if len(families) < min(_STEMS):
        raise DataError(
            f"The {split} split of {', '.join(gallery.sources)} has instruments of "
            f"{len(families)} families; mixtures need at least {min(_STEMS)}."
        )
    stems = [number for number in _STEMS if number <= len(families)]
    if n_mixtures < len(stems):
        raise InputError(f"{n_mixtures} mixtures are too few; ask for at least {len(stems)}.")
    methods = timed({_NAME: encoder})
    pool = gallery.pool(split, families, part(progress, 0.0, 0.1))
    candidates = np.concatenate([gallery.of_family(family) for family in families])
    references = embed_references(methods, gallery, candidates, part(progress, 0.1, 0.4))
    for number, n_stems in enumerate(stems):
        first, last = (n_mixtures * one // len(stems) for one in (number, number + 1))
        found = ask_mixtures(
            methods,
            gallery,
            MixtureSet(last - first, seed, split, tuple(families), n_stems),
            pool=pool,
            references=references,
            n_absent=min(1, len(families) - n_stems),
            progress=part(progress, 0.4 + 0.6 * first / n_mixtures, 0.4 + 0.6 * last / n_mixtures),
        )
        yield from found[_NAME].values()
