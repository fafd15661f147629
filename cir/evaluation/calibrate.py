"""Fitting what lets a database say how sure an answer is, on instruments held out of training."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from cir.errors import DataError, InputError
from cir.evaluation.answers import Answers
from cir.evaluation.candidate_draws import draw_candidates
from cir.evaluation.fit_chances import RankedQueries, fit_chances
from cir.evaluation.fit_levels import fit_levels
from cir.evaluation.fit_novelty import NovelQueries, fit_novelty, weighted_quantile
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references, timed
from cir.index.calibration import FIRST, Calibration
from cir.index.chances import ChanceLevels
from cir.index.likeness import Likeness
from cir.metrics import Float64Array
from cir.progress import part
from cir.types import Encoder, Instrument, Progress

FALSE_ALARM_RATE = 0.05
"""How often a calibrated database calls an instrument absent that is there."""

LEAST_INSTRUMENTS = 15
"""A family of which fewer play says little of others of its kind."""

CALIBRATION_MIXTURES = 2_000

_Told: TypeAlias = tuple[Float64Array, int, float]
"""Scores of a query's candidates, best first, the place of the right one, and the weight."""
_MATCHES = 20
_LEAST_SHARED = 0.8
"""Of a family's instruments, in the database and in the data that it is calibrated with."""
_SIZES = (3, 10, 30, 100)
"""Candidates of a family in databases smaller than the data."""
_STEMS = (2, 3, 4)
_NAME = "model"


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

    Every instrument counts the same, however often it plays. Chances are those of searches among
    all references of a family. For the novelty each query is also put to draws of 3, 10, 30 and
    100 of them, so that it holds for searches of any size.

    Args:
        encoder: Whose similarities are to be understood.
        gallery: Where notes and references come from.
        n_mixtures: How many to listen to.
        split: Whose instruments play: not those of training, nor those of the test.
        seed: Of mixtures and draws.
        progress: Told how far it is.

    Raises:
        InputError: The split or the number of mixtures makes no sense.
        DataError: The split has too few instruments.
    """
    answers = list(_ask(encoder, gallery, n_mixtures, split, seed, progress))
    words = f"{n_mixtures} mixtures of {', '.join(gallery.sources)}, {split} split, seed {seed}"
    return fit_calibration(answers, identity=encoder.identity, about=words, seed=seed)


def fit_calibration(
    answers: Sequence[Answers],
    *,
    identity: str,
    about: str,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    least_instruments: int = LEAST_INSTRUMENTS,
    seed: int = 0,
) -> Calibration:
    """Fit chances and novelty on what a model answered.

    Args:
        answers: Queries of any families, with families that do not play among them.
        identity: Of the model.
        about: One line on the queries.
        false_alarm_rate: How often an instrument that is there may be called absent.
        least_instruments: Families of which fewer play get no chances.
        seed: Of the draws of candidates.

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
        silences = sum(len(other.absent()) for other in answers if other.family == one.family)
        share = len(owners[one.family]) / max(1, silences)
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
        raise DataError("A calibration needs queries that differ; to this model all are alike.")
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
    """Let chances hold for a database, family by family, where most candidates are the same.

    Args:
        calibration: Whose families have chances.
        gallery: Where it was fitted.
        instruments: Of the database that is searched.
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


def _rank(present: Answers, plays: Mapping[str, int]) -> RankedQueries:
    """Queries whose instrument is there, against all candidates."""
    return RankedQueries(
        present.family,
        -np.sort(-present.similarities.astype(np.float64), axis=1),
        present.ranks - 1,
        np.array([1.0 / plays[name] for name in present.instruments]),
    )


def _fit_match_levels(told: Sequence[_Told]) -> ChanceLevels:
    """How likely matches are, of those ranks that can be asked for on the page."""
    scores = [row[:_MATCHES] for row, _, _ in told]
    right = [np.arange(len(row)) == place for row, (_, place, _) in zip(scores, told, strict=True)]
    weights = [np.full(len(row), one[2]) for row, one in zip(scores, told, strict=True)]
    return fit_levels(
        np.concatenate(scores), np.concatenate(right).astype(np.float64), np.concatenate(weights)
    )


def _fit_first_levels(told: Sequence[_Told]) -> ChanceLevels:
    """How likely the instrument is to be among the first five."""
    return fit_levels(
        np.array([row[:FIRST].sum() for row, _, _ in told]),
        np.array([float(place < FIRST) for _, place, _ in told]),
        np.array([weight for _, _, weight in told]),
    )


def _fit_likeness(present: Sequence[Answers], plays: Mapping[str, int]) -> Likeness:
    """Similar is what three of four right instruments are at least, very similar one of four."""
    own = np.concatenate(
        [one.similarities[np.arange(len(one)), one.targets].astype(np.float64) for one in present]
    )
    weights = np.array([1.0 / plays[name] for one in present for name in one.instruments])
    return Likeness(*(weighted_quantile(own, weights, share) for share in (0.25, 0.75)))


def _draw_queries(
    answers: Answers,
    plays: Mapping[str, int],
    silence_weight: float,
    generator: np.random.Generator,
    novel: list[NovelQueries],
) -> None:
    """Put queries to candidate sets of several sizes.

    Args:
        answers: The queries, for one family.
        plays: How often each instrument plays, in all answers.
        silence_weight: Of a query whose family does not play.
        generator: Draws the candidates.
        novel: Gets the queries whose instrument is there, the same without the right candidate,
            and those of silent families.
    """
    here, silent = answers.present(), answers.absent()
    n_candidates = len(answers.candidates)
    sizes = [size for size in _SIZES if size < n_candidates] + [n_candidates]
    weights = np.array([1.0 / plays[name] for name in here.instruments]) / len(sizes)
    silence_weights = np.full(len(silent), silence_weight / len(sizes))
    for size in sizes:
        whole = size == n_candidates
        found, _ = draw_candidates(here.similarities, size, generator, keep=here.targets)
        others, _ = draw_candidates(here.similarities, size, generator, drop=here.targets)
        nobody, _ = draw_candidates(silent.similarities, size, generator)
        novel.append(NovelQueries(here.family, found, False, weights, whole))
        novel.append(NovelQueries(here.family, others, True, weights, whole))
        novel.append(NovelQueries(here.family, nobody, True, silence_weights, whole))


def _ask(
    encoder: Encoder,
    gallery: Gallery,
    n_mixtures: int,
    split: str,
    seed: int,
    progress: Progress | None,
) -> Iterator[Answers]:
    """Answers to mixtures of 2, 3 and 4 instruments, a third each, and to one silent family."""
    rows = gallery.of_split(split)
    families = sorted({entry.family for row in rows if (entry := gallery.entries[row]).family})
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
