"""Answers that know when they do not know: are chances true, and absent instruments noticed?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cir.errors import DataError
from cir.evaluation import bootstrap
from cir.evaluation.answers import Answers
from cir.evaluation.calibrate import calibrate
from cir.evaluation.detection import auroc
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, embed_references, timed
from cir.evaluation.mixtures import describe
from cir.evaluation.reliability import expected_calibration_error, reliability_bins, worst_bin
from cir.evaluation.scores import Estimate
from cir.index.calibration import FIRST, Calibration, read_calibration
from cir.index.database import BUNDLED_PATH
from cir.metrics import Float64Array, IntArray, target_ranks
from cir.progress import part
from cir.types import Encoder, FloatArray, Judgement, Progress

_NAME = "model"


def evaluate_open_set(
    encoder: Encoder,
    gallery: Gallery,
    mixture_set: MixtureSet | None = None,
    *,
    calibration: Calibration | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure what a calibration promises, on instruments that it was not fitted on.

    Three kinds of queries: as in `evaluate_mixtures`; the same with the right reference taken away
    (the instrument is absent); and for a family that does not play (the family is absent). For the
    last kind every mixture lacks one of the families, which is asked for too, so that all families
    are asked for both ways.

    Args:
        encoder: Whose answers are judged.
        gallery: Where notes and references come from.
        mixture_set: Which mixtures; the paper's 5 000 by default.
        calibration: What judges; None for that of the bundled database where it is of the same
            model, else for one fitted here on the gallery's valid split.
        progress: Told how far it is.

    Returns:
        For JSON: `protocol`, `encoder`, `seconds`, `settings`, `primary`, `auroc` (of `instrument`
        and of `family`, which is None where only one family is asked for), `ece` and `reliability`
        (of `matches`, all that are shown with a chance, of `top_1` and of `top_5`; None and empty
        where no chance is shown), `shown` and `threshold`: its `novelty`, and the share of queries
        above it whose instrument is there (`false_alarm`) or is not (`detection_instrument`,
        `detection_family`). `shown` is the `share` of the queries whose instrument is there that
        get chances, how many `matches` these are, and the `worst` bin of 50 matches or more, with
        its `gap`, None where there is none.

    Raises:
        InputError: Something about the set makes no sense.
        DataError: The gallery lacks what is needed.
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

    def ask(wanted: MixtureSet, n_absent: int, start: float, end: float) -> list[Answers]:
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
        asked = with_silence = ask(chosen, 1, 0.5, 1.0)
    else:
        asked = ask(chosen, 0, 0.5, 0.75)
        lacking = replace(chosen, n_stems=n_families - 1)
        with_silence = ask(lacking, 1, 0.75, 1.0) if n_families > 1 else []
    settings = describe(chosen, gallery) | {"calibration": calibration.about}
    return {
        "protocol": "open-set",
        "encoder": encoder.identity,
        "seconds": round(methods[_NAME].seconds, 2),
        "settings": settings,
        **judge_answers(calibration, asked, with_silence, seed=chosen.seed),
    }


def judge_answers(
    calibration: Calibration,
    asked: Sequence[Answers],
    with_silence: Sequence[Answers],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures of `evaluate_open_set`, from answers.

    Args:
        calibration: What judges; chances of its families hold for the candidates here.
        asked: Queries whose instrument is there; others among them do not count.
        with_silence: Queries for families that play and for families that do not, in the same
            mixtures; may be empty.
        seed: Of the bootstrap.

    Raises:
        DataError: There is no query whose instrument is there.
    """
    candidates = {
        one.family: len(one.candidates) for one in asked if one.family in calibration.candidates
    }
    calibration = replace(calibration, candidates=candidates)
    here = _judge([one.present() for one in asked], calibration)
    if not len(here.ranks):
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
    silent_auroc, silent_rate = _judge_silence(with_silence, calibration, seed)
    error = errors["matches"]
    return {
        "primary": {
            "name": "ECE of shown chances",
            "value": None if error is None else error.value,
        },
        "auroc": {
            "instrument": _auroc(gone, gone.instruments, here, seed),
            "family": silent_auroc,
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
            "false_alarm": _share(here.is_absent),
            "detection_instrument": _share(gone.is_absent),
            "detection_family": silent_rate,
        },
    }


def _judge_silence(
    answers: Sequence[Answers], calibration: Calibration, seed: int
) -> tuple[dict[str, Any] | None, float | None]:
    """AUROC and detection rate for families that do not play.

    A query for one belongs, in the bootstrap, to the first instrument that does.
    """
    playing = _judge([one.present() for one in answers], calibration)
    silent = _judge([one.absent() for one in answers], calibration)
    if not len(playing.novelty) or not len(silent.novelty):
        return None, None
    first_of: dict[int, str] = {}
    for one in answers:
        present = one.present()
        for mixture, instrument in zip(present.mixtures.tolist(), present.instruments, strict=True):
            first_of.setdefault(mixture, instrument)
    owners = [first_of.get(mixture, "") for mixture in silent.mixtures.tolist()]
    return _auroc(silent, owners, playing, seed), _share(silent.is_absent)


def _auroc(
    absent: "_Judged", owners: Sequence[str], present: "_Judged", seed: int
) -> dict[str, Any] | None:
    """How well novelty tells absent from present; None where nothing is absent."""
    if not len(absent.novelty):
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
    """Judgements of many queries, column by column, (Q,)."""

    instruments: tuple[str, ...]
    mixtures: IntArray
    ranks: IntArray
    """Of the right candidate; 0 where it is not there."""
    judgements: tuple[Judgement, ...]
    novelty: Float64Array
    is_absent: Float64Array


def _judge(
    answers: Sequence[Answers], calibration: Calibration, *, without_target: bool = False
) -> _Judged:
    """Judge queries as the product does, one by one."""
    judged: list[tuple[Judgement, str, int, int]] = []
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
                similarities = _without(similarities, int(one.targets[number]))
                if not len(similarities):
                    continue
            judgement = calibration.judge(similarities, one.family, FIRST)
            judged.append((judgement, names[number], int(one.mixtures[number]), int(ranks[number])))
    return _Judged(
        tuple(instrument for _, instrument, _, _ in judged),
        np.array([mixture for _, _, mixture, _ in judged], dtype=np.int64),
        np.array([rank for _, _, _, rank in judged], dtype=np.int64),
        tuple(one for one, _, _, _ in judged),
        np.array([one.novelty for one, _, _, _ in judged], dtype=np.float64),
        np.array([one.is_absent for one, _, _, _ in judged], dtype=np.float64),
    )


@dataclass(frozen=True, eq=False)
class _Said:
    """Chances that were said, what came of each, and the number of its instrument."""

    chances: Float64Array
    right: Float64Array
    groups: IntArray


def _said(here: _Judged) -> dict[str, _Said]:
    """Chances of all matches, of the first ones, and of the first five together."""
    groups = bootstrap.group_numbers(here.instruments)
    queries = [number for number, one in enumerate(here.judgements) if one.chances]
    counts = [len(here.judgements[number].chances) for number in queries]
    ranks = here.ranks[queries]
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


def _without(similarities: FloatArray, column: int) -> FloatArray:
    return np.concatenate([similarities[:column], similarities[column + 1 :]])


def _find_calibration(encoder: Encoder, gallery: Gallery, progress: Progress) -> Calibration:
    bundled = read_calibration(BUNDLED_PATH)
    if bundled is not None and bundled.identity == encoder.identity:
        return bundled
    return calibrate(encoder, gallery, progress=progress)


def _share(values: Float64Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _as_dict(estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval or (None, None)
    return {"value": estimate.value, "low": low, "high": high}
