"""Chances fitted on worlds where the true chance is known, and on mixtures of tones."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cir.cli import database as database_command
from cir.cli.main import app
from cir.errors import CirError, DatabaseError, DataError
from cir.evaluation import open_set
from cir.evaluation.answers import ABSENT, FamilyAnswers
from cir.evaluation.calibrate import calibrate, draw_candidates, fit_calibration, hold_to
from cir.evaluation.fit_chances import LEAST_WEIGHT, fit_levels
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.open_set import evaluate_open_set, judge_answers
from cir.evaluation.report.sections import to_markdown
from cir.index.calibration import Calibration, read_calibration
from cir.index.database import InstrumentDatabase
from tests.fakes import SpectrumEncoder, instrument
from tests.tone_bank import write_bank
from tests.tone_dataset import ToneDataset

SPREAD = 0.2
#: How far the right candidate stands out, and how many candidates there are.
WORLDS = {"bass": (0.4, 60), "percussion": (0.2, 60), "synth_lead": (0.3, 200)}


def simulate(seed: int, n_queries: int, n_silent: int = 0) -> list[FamilyAnswers]:
    """Similarities of the wrong ones from N(0, SPREAD), of the right one from N(shift, SPREAD).

    The chance of a candidate is then exactly proportional to exp(shift / SPREAD^2 similarity).
    """
    generator = np.random.default_rng(seed)
    answers = []
    for family, (shift, n_candidates) in WORLDS.items():
        similarities = generator.normal(0.0, SPREAD, (n_queries + n_silent, n_candidates))
        targets = generator.integers(0, n_candidates, n_queries + n_silent)
        targets[n_queries:] = ABSENT
        similarities[np.arange(n_queries), targets[:n_queries]] += shift
        answers.append(
            FamilyAnswers(
                family,
                tuple(f"{family}-{row}" for row in range(n_candidates)),
                similarities.astype(np.float32),
                targets,
                np.arange(n_queries + n_silent) % n_queries,
            )
        )
    return answers


def true_chances(similarities: np.ndarray, family: str) -> np.ndarray:
    logits = WORLDS[family][0] / SPREAD**2 * similarities.astype(np.float64)
    weights = np.exp(logits - logits.max())
    return np.sort(weights / weights.sum())[::-1]


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    return fit_calibration(simulate(0, 1500, 500), identity="m", about="a simulation")


def test_true_chances_are_recovered(fitted: Calibration) -> None:
    for one in simulate(1, 300):
        ranked = -np.sort(-one.similarities.astype(np.float64), axis=1)
        said = np.array([fitted.chance.scores(row, one.family) for row in ranked])
        known = np.array([true_chances(row, one.family) for row in ranked])
        for count in (1, 5):
            errors = np.abs(said[:, :count].sum(axis=1) - known[:, :count].sum(axis=1))
            assert errors.mean() < 0.03
            assert errors.max() < 0.2


def test_new_queries_are_right_as_often_as_was_said(fitted: Calibration) -> None:
    found = judge_answers(fitted, simulate(2, 700), simulate(3, 400, 400))
    answered = round(2100 * (1 - found["threshold"]["false_alarm"]))  # the others get no chances
    assert found["shown"]["share"] == pytest.approx(answered / 2100)
    assert found["shown"]["matches"] == 5 * answered
    assert abs(found["shown"]["worst"]["gap"]) < 0.1
    assert found["primary"] == {
        "name": "ECE of shown chances",
        "value": found["ece"]["matches"]["value"],
    }
    for name, count in (("matches", 5 * answered), ("top_1", answered), ("top_5", answered)):
        assert found["ece"][name]["value"] < (0.07 if name == "top_5" else 0.04)
        assert sum(one["count"] for one in found["reliability"][name]) == count
    assert found["threshold"]["false_alarm"] == pytest.approx(fitted.false_alarm_rate, abs=0.03)
    assert found["threshold"]["novelty"] == fitted.threshold
    for kind in ("instrument", "family"):
        estimate = found["auroc"][kind]
        assert 0.5 < estimate["low"] < estimate["value"] < estimate["high"] < 0.9
        detected = found["threshold"][f"detection_{kind}"]
        assert 1.3 * found["threshold"]["false_alarm"] < detected < 0.6


def test_chances_hold_for_families_with_data_and_for_databases_of_these_instruments(
    fitted: Calibration, tones: Gallery
) -> None:
    assert fitted.candidates == {family: count for family, (_, count) in WORLDS.items()}
    alone = [one.only(np.flatnonzero(one.targets == one.targets[0])) for one in simulate(0, 99)]
    few = fit_calibration([*simulate(0, 99, 9)[:1], *alone[1:]], identity="m", about="")
    assert set(few.candidates) == {"bass"}
    rows = [instrument(one.instrument_id, one.family) for one in tones.entries]
    basses = [row for row in rows if row.family == "bass"]
    others = [replace(row, instrument_id=f"{row.instrument_id}-x") for row in basses]
    known = replace(fitted, candidates={"bass": 60, "organ": 60, "reed": 60})
    n_basses = len(basses)
    held = hold_to(known, tones, [*rows, others[0]])
    assert held == replace(known, candidates={"bass": n_basses + 1, "organ": n_basses})
    for own in ([], others, basses[:1], [*basses, *others]):
        assert hold_to(known, tones, own).candidates == {}


def test_levels_are_few_and_nothing_is_sure() -> None:
    generator = np.random.default_rng(0)
    scores = generator.random(3000)
    right = (generator.random(3000) < scores**2).astype(np.float64)
    weights = np.full(3000, 0.1)
    levels = fit_levels(scores, right, weights)
    assert 3 <= len(levels.starts) <= 300 / LEAST_WEIGHT
    edges = [*levels.starts, 1.0]
    for low, high, chance in zip(edges[:-1], edges[1:], levels.chances, strict=True):
        inside = (scores >= low) & (scores <= high)
        assert inside.sum() * 0.1 >= LEAST_WEIGHT - 0.2
        assert chance == pytest.approx(right[inside].mean(), abs=0.1)
        assert chance <= right[inside].mean() + 0.01
    for outcome in (0.0, 1.0):
        levels = fit_levels(scores, np.full(3000, outcome), weights)
        assert all(chance < 1.0 for chance in levels.chances)
    sure = fit_levels(scores, (scores > 0.5).astype(np.float64), weights)
    assert 0.0 < sure.chances[0] < 0.01 and 0.97 < sure.chances[-1] < 1.0


@pytest.mark.slow
def test_false_alarms_are_as_rare_in_small_databases_and_in_every_family(
    fitted: Calibration,
) -> None:
    generator = np.random.default_rng(6)
    for one in simulate(4, 800):
        for size in (3, 10, 30):
            ranked, _ = draw_candidates(one.similarities, size, generator, keep=one.targets)
            said = [fitted.judge(row, one.family, 1).is_absent for row in ranked]
            assert 0.3 < np.mean(said) / fitted.false_alarm_rate < 2.0


@pytest.mark.slow
def test_the_same_answers_give_the_same_calibration(fitted: Calibration) -> None:
    again = fit_calibration(simulate(0, 1500, 500), identity="m", about="a simulation")
    assert again == fitted
    assert Calibration.from_dict(json.loads(json.dumps(fitted.as_dict()))) == fitted


@pytest.mark.parametrize("kind", ["constant", "one", "pairs"])
def test_odd_answers_still_give_finite_figures(kind: str) -> None:
    answers = simulate(7, 20, 5)
    if kind == "constant":
        answers = [
            FamilyAnswers(a.family, a.candidates, a.similarities * 0 + 1, a.targets, a.mixtures)
            for a in answers
        ]
    if kind == "one":
        answers = answers[:1]
    if kind == "pairs":
        keep = np.arange(2)
        answers = [
            FamilyAnswers(
                a.family, a.candidates[:2], a.similarities[:, keep], a.targets % 2, a.mixtures
            )
            for a in answers
        ]
    made = fit_calibration(answers, identity="m", about="")
    assert made.chance.scores(np.array([0.3, 0.2, 0.1]), "bass").sum() == pytest.approx(1.0)
    for one in answers:
        judged = made.judge(one.similarities[0], one.family, 3)
        assert all(0.0 < chance < 1.0 for chance in judged.chances)
    assert 0.0 <= made.threshold <= 1.0


def test_too_little_to_fit_on_is_one_clear_error() -> None:
    silent = [one.absent() for one in simulate(8, 3, 3)]
    with pytest.raises(DataError, match="none"):
        fit_calibration(silent, identity="m", about="")
    alone = FamilyAnswers(
        "bass", ("a",), np.ones((4, 1), np.float32), np.zeros(4, int), np.arange(4)
    )
    with pytest.raises(DataError, match="at least two"):
        fit_calibration([alone], identity="m", about="")


def test_drawn_candidates_are_some_of_all_and_ranked() -> None:
    generator = np.random.default_rng(9)
    similarities = generator.permuted(np.tile(np.arange(12.0), (50, 1)), axis=1)
    columns = generator.integers(0, 12, 50)
    rows = np.arange(50)
    kept, places = draw_candidates(similarities, 4, generator, keep=columns)
    assert kept.shape == (50, 4)
    np.testing.assert_array_equal(kept[rows, places], similarities[rows, columns])
    dropped, _ = draw_candidates(similarities, 20, generator, drop=columns)
    assert dropped.shape == (50, 11)
    assert not (dropped == similarities[rows, columns][:, None]).any()
    for drawn in (kept, dropped):
        assert (np.diff(drawn, axis=1) < 0).all()
    _, places = draw_candidates(np.ones((50, 12)), 4, generator, keep=columns)
    assert (places == 3).all()  # behind all that equal it


@pytest.fixture(scope="module")
def tones() -> Gallery:
    return Gallery([ToneDataset(families=("bass", "organ", "voice"))])


@pytest.mark.slow
def test_calibrating_on_sounds(tones: Gallery) -> None:
    fractions: list[float] = []
    encoder = SpectrumEncoder()
    made = calibrate(
        encoder, tones, n_mixtures=9, seed=1, progress=lambda done, _: fractions.append(done)
    )
    assert made.identity == encoder.identity
    assert made.about == "9 mixtures of tones, valid split, seed 1"
    assert set(made.chance.family_scales) == {"bass", "organ", "voice"}
    assert made.candidates == {}  # too few instruments to know
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)
    assert calibrate(encoder, tones, n_mixtures=9, seed=1) == made


@pytest.mark.parametrize(
    ("families", "options", "words"),
    [
        (("bass",), {}, "1 families"),
        (("bass", "organ"), {"split": "exam"}, "exam"),
        (("bass", "organ", "voice"), {"n_mixtures": 1}, "at least 2"),
    ],
)
def test_calibrating_on_too_little_is_refused(
    families: Sequence[str], options: dict[str, object], words: str
) -> None:
    with pytest.raises(CirError, match=words):
        calibrate(
            SpectrumEncoder(),
            Gallery([ToneDataset(families=families)]),
            **options,  # type: ignore[arg-type]
        )


@pytest.mark.slow
@pytest.mark.parametrize("n_stems", [None, 2])
def test_open_set_on_sounds(
    tones: Gallery, n_stems: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_set, "calibrate", partial(calibrate, n_mixtures=6))
    families = ("bass", "organ", "voice")
    chosen = MixtureSet(8, 0, "test", families, n_stems)
    fractions: list[float] = []
    found = evaluate_open_set(
        SpectrumEncoder(), tones, chosen, progress=lambda done, _: fractions.append(done)
    )
    assert found["protocol"] == "open-set"
    assert found["settings"]["calibration"].startswith("6 mixtures of tones, valid")
    assert found["auroc"]["family"] is not None
    assert found["shown"] == {"share": 0.0, "matches": 0, "worst": None}
    assert found["ece"] == {"matches": None, "top_1": None, "top_5": None}
    text = to_markdown([found | {"name": "tones"}])
    assert re.search(r"chances are shown +\| the others get words +\| +0", text)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)


@pytest.mark.slow
def test_open_set_with_one_family_and_another_models_calibration(
    tones: Gallery, fitted: Calibration
) -> None:
    encoder = SpectrumEncoder()
    one = MixtureSet(4, 0, "test", ("bass",))
    with pytest.raises(DatabaseError, match="model m"):
        evaluate_open_set(encoder, tones, one, calibration=fitted)
    own = replace(fitted, identity=encoder.identity)
    found = evaluate_open_set(encoder, tones, one, calibration=own)
    assert found["auroc"]["family"] is None
    assert found["threshold"]["detection_family"] is None
    assert found["settings"]["calibration"] == "a simulation"


@pytest.mark.slow
def test_the_command_stores_what_info_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    encoder = SpectrumEncoder()
    monkeypatch.setattr(database_command, "load_torch_encoder", lambda model: encoder)
    InstrumentDatabase.create(tmp_path / "db", encoder)
    bank = write_bank(tmp_path / "bank")
    folder = str(tmp_path / "db")
    run = CliRunner().invoke
    before = run(app, ["database", "info", "-d", folder])
    assert "cir database calibrate" in before.stdout
    asked = ["database", "calibrate", "--data", str(bank), "-d", folder, "--mixtures", "6"]
    done = run(app, [*asked, "--split", "test"])
    assert done.exit_code == 0, done.output
    assert "6 mixtures of bank, test split, seed 0" in done.stdout
    assert "known for no family; other matches are described" in done.stdout
    assert read_calibration(tmp_path / "db") is not None
    shown = run(app, ["database", "info", "-d", folder, "--json"])
    assert json.loads(shown.stdout)["calibration"] == "6 mixtures of bank, test split, seed 0"
    nothing = run(app, ["database", "calibrate", "-d", folder])
    assert isinstance(nothing.exception, CirError) or nothing.exit_code == 2
    monkeypatch.setattr(
        database_command, "load_torch_encoder", lambda model: SpectrumEncoder(seed=1)
    )
    other = run(app, asked)
    assert other.exit_code != 0
