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
from cir.evaluation.reliability import expected_calibration_error, reliability_bins
from cir.evaluation.scores import Estimate
from cir.index.calibration import Calibration, read_calibration
from cir.index.database import BUNDLED_PATH
from cir.metrics import Float64Array, IntArray, hits, target_ranks
from cir.progress import part
from cir.types import Encoder, FloatArray, Judgement, Progress

_NAME = "model"
_TOP = 5


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
        (of `top_1` and `top_5`) and `threshold`: its `novelty`, and the share of queries above it
        whose instrument is there (`false_alarm`) or is not (`detection_instrument`,
        `detection_family`).

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
        calibration: What judges.
        asked: Queries whose instrument is there; others among them do not count.
        with_silence: Queries for families that play and for families that do not, in the same
            mixtures; may be empty.
        seed: Of the bootstrap.

    Raises:
        DataError: There is no query whose instrument is there.
    """
    here = _judge([one.present() for one in asked], calibration)
    if not len(here.ranks):
        raise DataError("There is no query whose instrument is in the database.")
    gone = _judge([one.present() for one in asked], calibration, without_target=True)
    chances = {"top_1": here.top_1, "top_5": here.top_5}
    right = {"top_1": hits(here.ranks, 1), "top_5": hits(here.ranks, _TOP)}
    groups = bootstrap.group_numbers(here.instruments)
    errors = {
        name: expected_calibration_error(chances[name], right[name], groups, seed=seed)
        for name in chances
    }
    silent_auroc, silent_rate = _judge_silence(with_silence, calibration, seed)
    return {
        "primary": {"name": "ECE of top_1", "value": errors["top_1"].value},
        "auroc": {
            "instrument": _auroc(gone, gone.instruments, here, seed),
            "family": silent_auroc,
        },
        "ece": {name: _as_dict(error) for name, error in errors.items()},
        "reliability": {
            name: [one.as_dict() for one in reliability_bins(chances[name], right[name])]
            for name in chances
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
    top_1: Float64Array
    top_5: Float64Array
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
            judgement = calibration.judge(similarities, one.family, _TOP)
            judged.append((judgement, names[number], int(one.mixtures[number]), int(ranks[number])))
    return _Judged(
        tuple(instrument for _, instrument, _, _ in judged),
        np.array([mixture for _, _, mixture, _ in judged], dtype=np.int64),
        np.array([rank for _, _, _, rank in judged], dtype=np.int64),
        *(
            np.array([getattr(one, name) for one, _, _, _ in judged], dtype=np.float64)
            for name in ("top_1", "top_5", "novelty", "is_absent")
        ),
    )


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
