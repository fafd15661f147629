"""The paper's second experiment: retrieval from mixtures."""

from collections.abc import Mapping
from typing import Any

from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Method
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, timed
from cir.evaluation.scores import Scores, average, make_result, score
from cir.types import Progress


def evaluate_mixtures(
    methods: Mapping[str, Method],
    gallery: Gallery,
    mixture_set: MixtureSet | None = None,
    *,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Find each instrument of a mixture among all references of its family.

    In the paper's setting every instrument of the split plays once before any plays twice; after
    that they are drawn uniformly. The mixtures do not depend on the methods.

    Args:
        methods: Methods by name: any `Encoder` or `StemListener`.
        gallery: Notes and references.
        mixture_set: Mixtures to draw; the paper's 5 000 by default.
        progress: Called with the fraction done.

    Returns:
        For each method, for JSON: `protocol`, `name`, `encoder`, `seconds`, `settings`, `primary`
        and `scores`, which has a row (see `Scores.as_dict`) for each family and for their `mean`.

    Raises:
        InputError: There is no such split.
        DataError: The gallery lacks instruments of a family.
    """
    chosen = MixtureSet() if mixture_set is None else mixture_set
    clocks = timed(methods)
    answers = ask_mixtures(clocks, gallery, chosen, progress=progress)
    return [
        make_result(
            "mixtures",
            name,
            clocks[name],
            score_families(answers[name], chosen.seed),
            primary="mean",
            settings=describe(chosen, gallery),
        )
        for name in methods
    ]


def score_families(answers: Mapping[str, FamilyAnswers], seed: int) -> dict[str, Scores]:
    """Return the scores of each family, and their unweighted `mean`."""
    rows = {
        family: score(one.ranks, one.instruments, len(one.candidates), seed=seed + number)
        for number, (family, one) in enumerate(answers.items())
    }
    return rows | {"mean": average(list(rows.values()))}


def describe(mixture_set: MixtureSet, gallery: Gallery) -> dict[str, Any]:
    """Return the settings of a result."""
    described: dict[str, Any] = {
        "mixtures": mixture_set.n_mixtures,
        "seconds": mixture_set.config.duration_seconds,
        "families": list(mixture_set.families),
        "split": mixture_set.split,
        "seed": mixture_set.seed,
        "data": list(gallery.sources),
        "setting": mixture_set.config.setting,
    }
    if gallery.n_references > 1:
        described["references"] = gallery.n_references
    if mixture_set.n_stems is not None:
        described["instruments"] = mixture_set.n_stems
    return described
