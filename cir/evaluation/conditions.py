"""Beyond the paper's mixtures: more instruments, other families, levels, settings, harder sound."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cir.errors import InputError
from cir.evaluation.answers import Answers
from cir.evaluation.condition_groups import Condition, Group, build_groups
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Timed
from cir.evaluation.mixture_stream import MixtureSet, References, ask_mixtures, embed_references
from cir.evaluation.mixtures import describe, score_families
from cir.instruments.families import FAMILIES
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.pool import NotePool
from cir.progress import part
from cir.types import Encoder, Progress

STABLE_MATCHES = 5
"""How many of the best matches must stay for an answer to be stable."""

_NAME = "encoder"
_POOL_SHARE, _REFERENCES_SHARE = 0.03, 0.1


def evaluate_conditions(
    encoder: Encoder,
    gallery: Gallery,
    mixture_set: MixtureSet,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Search in mixtures under one condition after the other.

    Notes are decoded and references embedded once; within a group all conditions share mixtures.

    Args:
        encoder: What listens. Families that it has no query for play no part where any family may.
        gallery: Where notes and references come from.
        mixture_set: How many mixtures for each condition, of whose instruments and of which
            families where they are fixed, how long, by which seed.
        progress: Told how far it is.

    Returns:
        For JSON: `protocol`, `encoder`, `seconds`, `settings` and `groups`; each group has `name`,
        `unit`, `about` and `conditions`; each of those `name`, `queries`, `scores` (a row for each
        family and their `mean`) and `stability` (in [0, 1] or None).

    Raises:
        InputError: A family, the split or the number of mixtures makes no sense.
        DataError: The gallery lacks what is needed.
    """
    config = MixtureConfig(duration_seconds=mixture_set.config.duration_seconds)
    base = replace(mixture_set, n_stems=None, config=config)
    mixed = [name for name in FAMILIES if name in (encoder.families or FAMILIES)]
    wanted = [*base.families, *(name for name in mixed if name not in base.families)]
    method = Timed(encoder)
    pool = gallery.pool(base.split, wanted, part(progress, 0.0, _POOL_SHARE))
    for family in base.families:
        pool.of_family(family)  # refuses what is missing before the work is done
    rows = np.array([n for n, one in enumerate(gallery.entries) if one.family in pool.families])
    reading = part(progress, _POOL_SHARE, _REFERENCES_SHARE)
    references = embed_references({_NAME: method}, gallery, rows, reading)
    asking = _Asking(method, gallery, pool, references)
    groups = build_groups(base, mixed, gallery, pool)
    listening = part(progress, _REFERENCES_SHARE, 1.0)
    total = sum(len(group.conditions) for group in groups)
    done = 0
    measured = []
    for group in groups:
        answers: dict[str, dict[str, Answers]] = {}
        for condition in group.conditions:
            share = part(listening, done / total, (done + 1) / total)
            answers[condition.name] = asking.ask(condition, _announced(share, group, condition))
            done += 1
        measured.append(_measure(group, answers, base.seed))
    return {
        "protocol": "conditions",
        "encoder": method.identity,
        "seconds": round(method.seconds, 2),
        "settings": describe(base, gallery),
        "groups": measured,
    }


def stability(answers: Mapping[str, Answers], clean: Mapping[str, Answers]) -> float:
    """Mean share of the clean best five that is still among the best five, in [0, 1].

    Args:
        answers: By family.
        clean: To the same queries in the same order, by family.

    Returns:
        The unweighted mean over the families.

    Raises:
        InputError: The queries are not the same.
    """
    shares = []
    for family, one in clean.items():
        other = answers.get(family)
        if other is None or not np.array_equal(other.mixtures, one.mixtures):
            raise InputError(
                f"The queries for {family} differ: stability compares answers to the same ones."
            )
        best, now = one.best(STABLE_MATCHES), other.best(STABLE_MATCHES)
        shares.append((best[:, :, None] == now[:, None, :]).any(axis=2).mean())
    return float(np.mean(shares))


class _Asking:
    """Asks about each set of mixtures, as they are, only once."""

    def __init__(
        self, method: Timed, gallery: Gallery, pool: NotePool, references: References
    ) -> None:
        self._method = method
        self._gallery = gallery
        self._pool = pool
        self._references = references
        self._unaltered: dict[MixtureSet, dict[str, Answers]] = {}

    def ask(self, condition: Condition, progress: Progress) -> dict[str, Answers]:
        """By family; only queries that count, and only families that have some."""
        answers = self._unaltered.get(condition.mixture_set) if condition.alter is None else None
        if answers is None:
            answers = ask_mixtures(
                {_NAME: self._method},
                self._gallery,
                condition.mixture_set,
                pool=self._pool,
                references=self._references,
                alter=condition.alter,
                progress=progress,
            )[_NAME]
            if condition.alter is None:
                self._unaltered[condition.mixture_set] = answers
        progress(1.0, "Done")
        if condition.counts is None:
            return answers
        chosen = {
            family: one.only(np.flatnonzero(condition.counts(one)))
            for family, one in answers.items()
        }
        return {family: one for family, one in chosen.items() if len(one)}


def _measure(group: Group, answers: Mapping[str, dict[str, Answers]], seed: int) -> dict[str, Any]:
    """One group, for JSON."""
    conditions = []
    for name, found in answers.items():
        if not found:  # nobody of a source played in so few mixtures
            continue
        scores = score_families(found, seed)
        conditions.append(
            {
                "name": name,
                "queries": scores["mean"].queries,
                "scores": {row: one.as_dict() for row, one in scores.items()},
                "stability": stability(found, answers[group.clean]) if group.clean else None,
            }
        )
    return {
        "name": group.name,
        "unit": group.unit,
        "about": group.about,
        "conditions": conditions,
    }


def _announced(progress: Progress, group: Group, condition: Condition) -> Progress:
    """Put group and condition in front of the words."""
    name = " ".join(text for text in (condition.name, group.unit) if text)

    def report(fraction: float, words: str) -> None:
        progress(fraction, f"{group.name}, {name}: {words}")

    return report
