"""Fitting what lets a database say how sure an answer is, on instruments held out of training."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cir.errors import DataError, InputError
from cir.evaluation.answers import Answers
from cir.evaluation.candidate_draws import draw_candidates
from cir.evaluation.fit_chances import RankedQueries, fit_chances
from cir.evaluation.fit_novelty import NovelQueries, fit_novelty
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references, timed
from cir.index.calibration import Calibration
from cir.progress import part
from cir.types import Encoder, Progress

FALSE_ALARM_RATE = 0.05
"""How often a calibrated database calls an instrument absent that is there."""

CALIBRATION_MIXTURES = 2_000

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

    Every instrument counts the same, however often it plays. Each query is put to all references
    of its family and to draws of 3, 10, 30 and 100 of them, so that databases of any size get
    chances of their own.

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
    seed: int = 0,
) -> Calibration:
    """Fit chances and novelty on what a model answered.

    Args:
        answers: Queries of any families, with families that do not play among them.
        identity: Of the model.
        about: One line on the queries.
        false_alarm_rate: How often an instrument that is there may be called absent.
        seed: Of the draws of candidates.

    Raises:
        DataError: There are too few queries.
    """
    present = [one.present() for one in answers]
    plays = Counter(name for one in present for name in one.instruments)
    if not plays:
        raise DataError("A calibration needs queries whose instrument is known; there are none.")
    generator = np.random.default_rng(seed)
    ranked: list[RankedQueries] = []
    novel: list[NovelQueries] = []
    for one in answers:
        of_family = {
            name for here in present if here.family == one.family for name in here.instruments
        }
        silences = sum(len(other.absent()) for other in answers if other.family == one.family)
        _draw_queries(one, plays, len(of_family) / max(1, silences), generator, ranked, novel)
    novelty, threshold = fit_novelty(novel, false_alarm_rate)
    return Calibration(
        identity=identity,
        about=about,
        chance=fit_chances(ranked),
        novelty=novelty,
        threshold=threshold,
        false_alarm_rate=false_alarm_rate,
    )


def _draw_queries(
    answers: Answers,
    plays: Mapping[str, int],
    silence_weight: float,
    generator: np.random.Generator,
    ranked: list[RankedQueries],
    novel: list[NovelQueries],
) -> None:
    """Put queries to candidate sets of several sizes.

    Args:
        answers: The queries, for one family.
        plays: How often each instrument plays, in all answers.
        silence_weight: Of a query whose family does not play.
        generator: Draws the candidates.
        ranked: Gets the queries whose instrument is there.
        novel: Gets these, the same without the right candidate, and those of silent families.
    """
    here, silent = answers.present(), answers.absent()
    n_candidates = len(answers.candidates)
    sizes = [size for size in _SIZES if size < n_candidates] + [n_candidates]
    weights = np.array([1.0 / plays[name] for name in here.instruments]) / len(sizes)
    silence_weights = np.full(len(silent), silence_weight / len(sizes))
    for size in sizes:
        whole = size == n_candidates
        found, places = draw_candidates(here.similarities, size, generator, keep=here.targets)
        others, _ = draw_candidates(here.similarities, size, generator, drop=here.targets)
        nobody, _ = draw_candidates(silent.similarities, size, generator)
        ranked.append(RankedQueries(here.family, found, places, weights))
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
