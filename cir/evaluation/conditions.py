"""Search in mixtures under conditions beyond the paper's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cir.errors import InputError
from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.condition_groups import Condition, ConditionGroup, build_groups
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Timed
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references
from cir.evaluation.mixtures import describe, score_families
from cir.instruments.families import FAMILIES
from cir.mixtures.mixture_config import MixtureConfig
from cir.types import Encoder, Progress, part

STABLE_MATCHES = 5
"""Number of best matches that stability compares."""

_NAME = "encoder"
_POOL_SHARE, _REFERENCES_SHARE = 0.03, 0.1


def evaluate_conditions(
    encoder: Encoder,
    gallery: Gallery,
    mixture_set: MixtureSet,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Search in mixtures under each condition.

    Notes are decoded and references embedded once; within a group all conditions share mixtures.

    Args:
        encoder: Encoder to evaluate. Mixtures of any families have only those it has a query for.
        gallery: Notes and references.
        mixture_set: Number of mixtures for each condition, their split, length and seed, and the
            families of the conditions that fix them.
        progress: Called with the fraction done.

    Returns:
        For JSON: `protocol`, `encoder`, `seconds`, `settings` and `groups`; each group has `name`,
        `unit`, `about` and `conditions`; each of those `name`, `queries`, `scores` (a row for each
        family and their `mean`) and `stability` (in [0, 1] or None).

    Raises:
        InputError: There is no such family or split.
        DataError: The gallery lacks instruments of a family.
    """
    config = MixtureConfig(duration_seconds=mixture_set.config.duration_seconds)
    base = replace(mixture_set, n_stems=None, config=config)
    mixed = [name for name in FAMILIES if name in (encoder.families or FAMILIES)]
    wanted = [*base.families, *(name for name in mixed if name not in base.families)]
    method = Timed(encoder)
    pool = gallery.pool(base.split, wanted, part(progress, 0.0, _POOL_SHARE))
    for family in base.families:
        pool.of_family(family)  # refuses missing families before the work
    rows = np.array([n for n, one in enumerate(gallery.entries) if one.family in pool.families])
    reading = part(progress, _POOL_SHARE, _REFERENCES_SHARE)
    references = embed_references({_NAME: method}, gallery, rows, reading)
    unaltered: dict[MixtureSet, dict[str, FamilyAnswers]] = {}  # each set is searched once

    def ask(condition: Condition, report: Progress) -> dict[str, FamilyAnswers]:
        """Return answers to the queries that count, by family, without families that have none."""
        answers = unaltered.get(condition.mixture_set) if condition.alter is None else None
        if answers is None:
            answers = ask_mixtures(
                {_NAME: method},
                gallery,
                condition.mixture_set,
                pool=pool,
                references=references,
                alter=condition.alter,
                progress=report,
            )[_NAME]
            if condition.alter is None:
                unaltered[condition.mixture_set] = answers
        report(1.0, "Done")
        if condition.counts is None:
            return answers
        chosen = {
            family: one.only(np.flatnonzero(condition.counts(one)))
            for family, one in answers.items()
        }
        return {family: one for family, one in chosen.items() if len(one)}

    groups = build_groups(base, mixed, gallery, pool)
    listening = part(progress, _REFERENCES_SHARE, 1.0)
    total = sum(len(group.conditions) for group in groups)
    done = 0
    measured = []
    for group in groups:
        answers: dict[str, dict[str, FamilyAnswers]] = {}
        for condition in group.conditions:
            share = part(listening, done / total, (done + 1) / total)
            answers[condition.name] = ask(condition, _announced(share, group, condition))
            done += 1
        measured.append(_measure(group, answers, base.seed))
    return {
        "protocol": "conditions",
        "encoder": method.identity,
        "seconds": round(method.seconds, 2),
        "settings": describe(base, gallery),
        "groups": measured,
    }


def stability(answers: Mapping[str, FamilyAnswers], clean: Mapping[str, FamilyAnswers]) -> float:
    """Return the mean share of the clean best five that is still among the best five, in [0, 1].

    Args:
        answers: Answers by family.
        clean: Answers to the same queries in the same order, by family.

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


def _measure(
    group: ConditionGroup, answers: Mapping[str, dict[str, FamilyAnswers]], seed: int
) -> dict[str, Any]:
    """Return the figures of a group, for JSON."""
    conditions = []
    for name, found in answers.items():
        if not found:  # no instrument of the source plays in these mixtures
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


def _announced(progress: Progress, group: ConditionGroup, condition: Condition) -> Progress:
    """Prefix the words of a progress with group and condition."""
    name = " ".join(text for text in (condition.name, group.unit) if text)

    def report(fraction: float, words: str) -> None:
        progress(fraction, f"{group.name}, {name}: {words}")

    return report
