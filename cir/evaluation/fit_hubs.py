"""Fitting the cohort of mixtures that hub penalties come from, on instruments of training."""

from collections import defaultdict

import numpy as np

from cir.errors import DataError, InputError
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, draw_mixtures
from cir.index.hubness import HubCohort
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.types import SAMPLE_RATE, Encoder, FloatArray, Progress, part

HUB_MIXTURES = 1_200
_SHARE_OF_PAPER = 1 / 3
_STEMS = 3


def fit_hubs(
    encoder: Encoder,
    gallery: Gallery,
    *,
    n_mixtures: int = HUB_MIXTURES,
    split: str = "train",
    seed: int = 0,
    progress: Progress | None = None,
) -> HubCohort:
    """Embed mixtures of instruments that are not searched for in tests.

    A third of the mixtures are of the paper's families, the others of any three families.

    Args:
        encoder: Encoder whose hubs are found.
        gallery: Notes of the instruments.
        n_mixtures: Number of mixtures.
        split: Split of the instruments that play.
        seed: Seed of the mixtures.
        progress: Called with the fraction done.

    Raises:
        InputError: There is no such split, or there are too few mixtures.
        DataError: The split has too few families.
    """
    families = gallery.families_of(split)
    if len(families) < _STEMS:
        raise DataError(
            f"The {split} split of {', '.join(gallery.sources)} has instruments of "
            f"{len(families)} families; a cohort of mixtures needs at least {_STEMS}."
        )
    n_paper = round(n_mixtures * _SHARE_OF_PAPER) if set(PAPER_FAMILIES) <= set(families) else 0
    if n_mixtures - n_paper < 1:
        raise InputError(f"{n_mixtures} mixtures are too few for a cohort; ask for at least 3.")
    sets = [MixtureSet(n_mixtures - n_paper, seed, split, tuple(families), _STEMS)]
    if n_paper:
        sets.append(MixtureSet(n_paper, seed, split, PAPER_FAMILIES))
    pool = gallery.pool(split, families, part(progress, 0.0, 0.3))
    report = part(progress, 0.3, 1.0)
    queries: dict[str, list[FloatArray]] = defaultdict(list)
    owners: dict[str, list[str]] = defaultdict(list)
    done = 0
    for mixture_set in sets:
        for chunk in draw_mixtures(pool, mixture_set):
            for _, mixture in chunk:
                playing = [str(family) for family in mixture.plan.families]
                (answers,) = encoder.embed_mixtures([mixture.mix], SAMPLE_RATE, playing)
                for family, owner, answer in zip(
                    playing, mixture.plan.instrument_ids, answers, strict=True
                ):
                    queries[family].append(answer)
                    owners[family].append(owner)
                done += 1
                report(done / n_mixtures, f"Mixtures, {done} of {n_mixtures}")
    return HubCohort(
        identity=encoder.identity,
        about=f"{n_mixtures} mixtures of {', '.join(gallery.sources)}, {split} split, seed {seed}",
        queries={family: np.stack(found) for family, found in sorted(queries.items())},
        owners={family: tuple(owners[family]) for family in sorted(queries)},
    )
