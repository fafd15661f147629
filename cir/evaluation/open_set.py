"""Open set evaluation: whether chances hold, and whether absent instruments are detected."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cir.errors import DataError
from cir.evaluation import bootstrap
from cir.evaluation.answers import FamilyAnswers
from cir.evaluation.calibrate import calibrate
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references, timed
from cir.evaluation.mixtures import describe
from cir.evaluation.reliability import (
    auroc,
    expected_calibration_error,
    reliability_bins,
    worst_bin,
)
from cir.evaluation.scores import Estimate
from cir.index.calibration import FIRST, Calibration, read_calibration
from cir.index.database import BUNDLED_PATH
from cir.metrics import Float64Array, IntArray, target_ranks
from cir.types import Encoder, Judgement, Progress, part

_NAME = "model"


def evaluate_open_set(
    encoder: Encoder,
    gallery: Gallery,
    mixture_set: MixtureSet | None = None,
    *,
    calibration: Calibration | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Test a calibration on instruments that it was not fitted on.

    There are three kinds of queries: those of `evaluate_mixtures`; the same without the right
    reference (the instrument is absent); and queries for a family that does not play (the family is
    absent). For the last kind, every mixture lacks one of the families and is searched for it too.

    Args:
        encoder: Encoder whose answers are judged.
        gallery: Notes and references.
        mixture_set: Mixtures to draw; the paper's 5 000 by default.
        calibration: Calibration to test. By default that of the bundled database if it is of this
            model, else one that is fitted on the gallery's valid split.
        progress: Called with the fraction done.

    Returns:
        For JSON: `protocol`, `encoder`, `seconds`, `settings`, `primary`, `auroc` (of `instrument`
        and of `family`, None if there is only one family), `ece` and `reliability` (of `matches`,
        all that are shown with a chance, of `top_1` and of `top_5`; None and empty if no chance is
        shown), `threshold` and `shown`. `threshold` has its `novelty`, and the shares of queries
        above it whose instrument is present (`false_alarm`) or absent (`detection_instrument`,
        `detection_family`). `shown` has the `share` of queries with a present instrument that get
        chances, the number of their `matches`, and the `worst` bin of 50 matches or more with its
        `gap`, None if there is none.

    Raises:
        InputError: There is no such split, or too few families.
        DataError: The gallery lacks instruments of a family.
        DatabaseError: The calibration is of another model, or the bundled one is damaged.
    """
    chosen = MixtureSet() if mixture_set is None else mixture_set
    if calibration is None:
        calibration = _find_calibration(encoder, gallery, part(progress, 0.0, 0.3))
    calibration.check_identity(encoder.identity)
    methods = timed({_NAME: encoder})
    pool = gallery.pool(chosen.split, chosen.families, part(progress, 0.3, 0.35))
    rows = np.concatenate([gallery.of_family(family) for family in chosen.families])
    references = embed_references(methods, gallery, rows, part(progress, 0.35, 0.5))

    def ask(wanted: MixtureSet, n_absent: int, start: float, end: float) -> list[FamilyAnswers]:
        found = ask_mixtures(
            methods,
            gallery,
            wanted,
            pool=pool,
            references=references,
            n_absent=n_absent,
            progress=part(progress, start, end),
        )
        return list(found[_NAME].values())

    n_families = len(chosen.families)
    n_playing = n_families if chosen.n_stems is None else chosen.n_stems
    if n_playing < n_families:
        asked = with_absent = ask(chosen, 1, 0.5, 1.0)
    else:
        asked = ask(chosen, 0, 0.5, 0.75)
        lacking = replace(chosen, n_stems=n_families - 1)
        with_absent = ask(lacking, 1, 0.75, 1.0) if n_families > 1 else []
    settings = describe(chosen, gallery) | {"calibration": calibration.about}
    return {
        "protocol": "open-set",
        "encoder": encoder.identity,
        "seconds": round(methods[_NAME].seconds, 2),
        "settings": settings,
        **judge_answers(calibration, asked, with_absent, seed=chosen.seed),
    }


def judge_answers(
    calibration: Calibration,
    asked: Sequence[FamilyAnswers],
    with_absent: Sequence[FamilyAnswers],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the figures of `evaluate_open_set` from answers.

    Args:
        calibration: Calibration whose chances hold for the candidates here.
        asked: Queries whose instrument is present; others are ignored.
        with_absent: Queries for families that play and for absent families, in the same mixtures;
            may be empty.
        seed: Seed of the bootstrap.

    Raises:
        DataError: There is no query whose instrument is present.
    """
    candidates = {
        one.family: len(one.candidates) for one in asked if one.family in calibration.candidates
    }
    calibration = replace(calibration, candidates=candidates)
    here = _judge([one.present() for one in asked], calibration)
    if not here.ranks:
        raise DataError("There is no query whose instrument is in the database.")
    gone = _judge([one.present() for one in asked], calibration, without_target=True)
    said = _said(here)
    errors = {
        name: expected_calibration_error(one.chances, one.right, one.groups, seed=seed)
        if len(one.chances)
        else None
        for name, one in said.items()
    }
    bins = {
        name: reliability_bins(one.chances, one.right) if len(one.chances) else []
        for name, one in said.items()
    }
    worst = worst_bin(bins["matches"])
    family_auroc, family_rate = _judge_absent_families(with_absent, calibration, seed)
    error = errors["matches"]
    return {
        "primary": {
            "name": "ECE of shown chances",
            "value": None if error is None else error.value,
        },
        "auroc": {
            "instrument": _auroc(gone, gone.instruments, here, seed),
            "family": family_auroc,
        },
        "ece": {name: None if one is None else _as_dict(one) for name, one in errors.items()},
        "reliability": {name: [bin.as_dict() for bin in found] for name, found in bins.items()},
        "shown": {
            "share": len(said["top_1"].chances) / len(here.ranks),
            "matches": len(said["matches"].chances),
            "worst": None if worst is None else worst.as_dict() | {"gap": worst.gap},
        },
        "threshold": {
            "novelty": calibration.threshold,
            "false_alarm": here.share_absent,
            "detection_instrument": gone.share_absent,
            "detection_family": family_rate,
        },
    }


def _judge_absent_families(
    answers: Sequence[FamilyAnswers], calibration: Calibration, seed: int
) -> tuple[dict[str, Any] | None, float | None]:
    """Return AUROC and detection rate for absent families.

    In the bootstrap, a query for one belongs to the first instrument that plays.
    """
    playing = _judge([one.present() for one in answers], calibration)
    absent = _judge([one.absent() for one in answers], calibration)
    if not playing.judgements or not absent.judgements:
        return None, None
    first_of: dict[int, str] = {}
    for one in answers:
        present = one.present()
        for mixture, instrument in zip(present.mixtures.tolist(), present.instruments, strict=True):
            first_of.setdefault(mixture, instrument)
    owners = [first_of.get(mixture, "") for mixture in absent.mixtures]
    return _auroc(absent, owners, playing, seed), absent.share_absent


def _auroc(
    absent: "_Judged", owners: Sequence[str], present: "_Judged", seed: int
) -> dict[str, Any] | None:
    """Return how well novelty separates absent from present; None if nothing is absent."""
    if not absent.judgements:
        return None
    numbers = bootstrap.group_numbers([*owners, *present.instruments])
    return _as_dict(
        auroc(
            absent.novelty,
            present.novelty,
            numbers[: len(owners)],
            numbers[len(owners) :],
            seed=seed,
        )
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """Judgements of Q queries."""

    judgements: list[Judgement] = field(default_factory=list)
    instruments: list[str] = field(default_factory=list)
    mixtures: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    """Ranks of the right candidates; 0 for one that is absent."""

    @property
    def novelty(self) -> Float64Array:
        """Novelty scores, (Q,)."""
        return np.array([one.novelty for one in self.judgements])

    @property
    def share_absent(self) -> float | None:
        """Share of the queries that are called absent; None if there is no query."""
        called = [one.is_absent for one in self.judgements]
        return float(np.mean(called)) if called else None


def _judge(
    answers: Sequence[FamilyAnswers], calibration: Calibration, *, without_target: bool = False
) -> _Judged:
    """Judge queries one by one, as a search does."""
    judged = _Judged()
    for one in answers:
        known = not without_target and len(one) > 0 and bool((one.targets >= 0).all())
        ranks = (
            target_ranks(one.similarities, one.targets)
            if known
            else np.zeros(len(one), dtype=np.int64)
        )
        names = one.instruments
        for number, similarities in enumerate(one.similarities):
            if without_target:
                similarities = np.delete(similarities, one.targets[number])
                if not len(similarities):
                    continue
            judged.judgements.append(calibration.judge(similarities, one.family, FIRST))
            judged.instruments.append(names[number])
            judged.mixtures.append(int(one.mixtures[number]))
            judged.ranks.append(int(ranks[number]))
    return judged


@dataclass(frozen=True, eq=False)
class _Said:
    """Chances, whether each answer was right, and the number of its instrument, (Q,)."""

    chances: Float64Array
    right: Float64Array
    groups: IntArray


def _said(here: _Judged) -> dict[str, _Said]:
    """Return the chances of all matches, of the first ones, and of the first five together."""
    groups = bootstrap.group_numbers(here.instruments)
    queries = [number for number, one in enumerate(here.judgements) if one.chances]
    counts = [len(here.judgements[number].chances) for number in queries]
    ranks = np.array(here.ranks)[queries]
    places = [np.arange(1, count + 1) for count in counts]

    def say(chances: Sequence[float | None], right: Sequence[bool], owners: IntArray) -> _Said:
        return _Said(np.array(chances, dtype=np.float64), np.array(right, dtype=np.float64), owners)

    judgements = [here.judgements[number] for number in queries]
    return {
        "matches": say(
            [chance for one in judgements for chance in one.chances],
            [bool(hit) for rank, own in zip(ranks, places, strict=True) for hit in own == rank],
            np.repeat(groups[queries], counts),
        ),
        "top_1": say([one.top_1 for one in judgements], [*(ranks == 1)], groups[queries]),
        "top_5": say([one.top_5 for one in judgements], [*(ranks <= FIRST)], groups[queries]),
    }


def _find_calibration(encoder: Encoder, gallery: Gallery, progress: Progress) -> Calibration:
    bundled = read_calibration(BUNDLED_PATH)
    if bundled is not None and bundled.identity == encoder.identity:
        return bundled
    return calibrate(encoder, gallery, progress=progress)


def _as_dict(estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval or (None, None)
    return {"value": estimate.value, "low": low, "high": high}
