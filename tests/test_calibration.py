"""Chances and novelty from similarities, as plain numbers that are stored with a database."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cir.index.database as database_module
from cir.errors import CirError, DatabaseError, InputError
from cir.index.build import build_database
from cir.index.calibration import (
    CALIBRATION_NAME,
    FORMAT_VERSION,
    Calibration,
    read_calibration,
)
from cir.index.chances import ChanceLevels, ChanceModel, Likeness, NoveltyModel
from cir.index.database import InstrumentDatabase
from cir.index.ranking import cosine_similarities
from cir.index.references import Reference
from cir.types import Instrument
from tests.fakes import SpectrumEncoder, instrument, tone, unit_vectors

BUNDLED = Path(database_module.__file__).parents[1] / "assets" / "database"


def make_calibration(identity: str = "m", **changes: Any) -> Calibration:
    values: dict[str, Any] = {
        "identity": identity,
        "about": "40 mixtures of nothing",
        "candidates": {"bass": 6, "organ": 3},
        "chance": ChanceModel(5.0, 20.0, 0.5, 0.3, {"bass": 4.0, "organ": -80.0}),
        "levels": ChanceLevels((0.0, 0.3, 0.6), (0.01, 0.2, 0.7)),
        "first_levels": ChanceLevels((0.0, 0.9), (0.4, 0.8)),
        "likeness": Likeness(0.25, 0.45),
        "novelty": NoveltyModel(2.0, -6.0, -1.0, 0.5, 0.1, {"bass": -0.3}),
        "threshold": 0.6,
        "false_alarm_rate": 0.1,
    }
    return Calibration(**values | changes)


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 40, 3000])
@pytest.mark.parametrize("family", ["bass", "organ", "voice", None])
@pytest.mark.parametrize("kind", ["spread", "equal", "extreme"])
def test_scores_and_judgements_are_shares(count: int, family: str | None, kind: str) -> None:
    generator = np.random.default_rng(count)
    similarities = {
        "spread": generator.uniform(-1, 1, count),
        "equal": np.full(count, 0.5),
        "extreme": np.where(np.arange(count) % 2, -1.0, 1.0),
    }[kind]
    scores = make_calibration().chance.scores(np.sort(similarities)[::-1], family)
    assert len(scores) == count
    assert scores.sum() == pytest.approx(1.0)
    assert (scores >= 0).all() and (np.diff(scores) <= 0).all()
    judged = make_calibration().judge(similarities, family, count)
    assert 0.0 <= judged.novelty <= 1.0
    assert judged.is_absent == (judged.novelty > 0.6)
    assert judged.false_alarm_rate == 0.1
    shuffled = make_calibration().judge(generator.permutation(similarities), family, count)
    assert shuffled == judged


@pytest.mark.parametrize(
    ("similarities", "family", "changes", "known"),
    [
        ([0.9, 0.5, 0.5, 0.4, 0.2, 0.1], "bass", {}, True),
        ([0.9, 0.5, 0.5, 0.4, 0.2], "bass", {}, False),  # one less than it was fitted for
        ([0.9], "bass", {}, False),
        ([0.9, 0.5, 0.5, 0.4, 0.2, 0.1], "voice", {}, False),
        ([0.9, 0.5, 0.5, 0.4, 0.2, 0.1], None, {}, False),
        ([0.9, 0.5, 0.5, 0.4, 0.2, 0.1], "bass", {"threshold": 0.0}, False),  # said to be absent
        ([-0.02], "bass", {"candidates": {}}, False),
    ],
)
def test_chances_are_said_where_they_hold_and_nowhere_else(
    similarities: list[float], family: str | None, changes: dict[str, Any], known: bool
) -> None:
    judged = make_calibration(**changes).judge(similarities, family, 5)
    assert (len(judged.chances), judged.top_1, judged.top_5) == (
        (5, 0.7, 0.8) if known else (0, None, None)
    )


def test_the_scores_equal_the_formula_term_by_term() -> None:
    similarities = [0.2, 0.9, 0.5, 0.45, -0.3, 0.1]
    best, fifth = 0.9, 0.1
    scale = 5.0 + 20.0 * (best - fifth) + 0.5 * best + 4.0
    weights = [
        np.exp(scale * similarity) / rank**0.3
        for rank, similarity in enumerate(sorted(similarities, reverse=True), start=1)
    ]
    made = make_calibration()
    scores = made.chance.scores(np.sort(similarities)[::-1], "bass")
    np.testing.assert_allclose(scores, np.array(weights) / sum(weights))
    judged = made.judge(similarities, "bass", 3)
    assert judged.chances == tuple(made.levels.of(scores[:3]))
    assert judged.top_5 == made.first_levels.of(scores[:5].sum())
    mean = sum(similarities) / 6
    logit = 2.0 - 6.0 * best - (best - fifth) + 0.5 * mean + 0.1 * np.log(6) - 0.3
    assert judged.novelty == pytest.approx(1 / (1 + np.exp(-logit)))


def test_a_scale_below_zero_leaves_the_order_alone() -> None:
    scores = make_calibration().chance.scores(np.array([0.9, 0.8, 0.3]), "organ")
    ranks = np.array([1.0, 2.0, 3.0]) ** -0.3
    np.testing.assert_allclose(scores, ranks / ranks.sum())


def test_nothing_to_choose_from_is_absent() -> None:
    judged = make_calibration().judge([], "bass", 5)
    assert judged.chances == () and judged.is_absent
    assert (judged.top_1, judged.top_5, judged.novelty) == (None, None, 1.0)


def test_levels_are_steps() -> None:
    levels = ChanceLevels((0.1, 0.3, 0.6), (0.01, 0.2, 0.7))
    scores = [0.0, 0.1, 0.29, 0.3, 0.59, 0.6, 1.0]
    assert levels.of(scores).tolist() == [0.01, 0.01, 0.01, 0.2, 0.2, 0.7, 0.7]


@pytest.mark.parametrize(
    ("similarity", "word"),
    [
        (-0.02, "not alike"),
        (0.24, "not alike"),
        (0.25, "similar"),
        (0.44, "similar"),
        (0.45, "very similar"),
        (1.0, "very similar"),
    ],
)
def test_words_say_how_alike_something_sounds(similarity: float, word: str) -> None:
    assert Likeness(0.25, 0.45).word(similarity) == word


@pytest.mark.parametrize(
    ("similarities", "top_k"), [([np.nan], 1), ([np.inf, 0.0], 1), ([[0.1]], 1), ([0.1], 0)]
)
def test_faulty_questions_are_refused(similarities: list[Any], top_k: int) -> None:
    with pytest.raises(InputError):
        make_calibration().judge(similarities, None, top_k)


def test_json_loses_nothing() -> None:
    made = make_calibration()
    assert Calibration.from_dict(json.loads(json.dumps(made.as_dict()))) == made


def damage(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(make_calibration().as_dict()))
    for key, value in changes.items():
        *path, last = key.split("__")
        inner = values
        for step in path:
            inner = inner[step]
        inner[last] = value
    return values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "mapping"),
        ({}, "missing"),
        (damage(surprise=1), "surprise"),
        (damage(identity=7), "identity"),
        (damage(threshold="high"), "threshold"),
        (damage(threshold=1.5), "at most 1"),
        (damage(false_alarm_rate=float("nan")), "not finite"),
        (damage(format_version=FORMAT_VERSION + 1), f"format {FORMAT_VERSION + 1}"),
        (damage(candidates={"kazoo": 3}), "kazoo"),
        (damage(levels__starts=[0.0]), "at least one level, each"),
        (damage(levels__starts=[0.0, 0.6, 0.3]), "must rise"),
        (damage(levels__chances=[0.0, 0.6, 1.3]), "must rise"),
        (damage(levels__chances=[0.0, 0.6, float("nan")]), "not finite"),
        (damage(likeness__similar=0.9), "very_similar"),
        (damage(chance=3), "chance"),
        (damage(chance__scale=float("inf")), "not finite"),
        (damage(chance__rank_decay=-0.1), "at least 0"),
        (damage(chance__family_scales=[1.0]), "mapping"),
        (damage(chance__family_scales={"kazoo": 1.0}), "kazoo"),
        (damage(chance__family_scales={"bass": "loud"}), "no number"),
        (damage(novelty=None), "novelty"),
        (damage(novelty__family_offsets={"bass": True}), "no number"),
        (damage(novelty__family_offsets={"bass": None}), "no number"),
    ],
)
def test_nonsense_is_refused_and_says_what_to_do(values: object, words: str) -> None:
    with pytest.raises(DatabaseError, match=f"{words}.*cir database calibrate"):
        Calibration.from_dict(values)


def make_database(folder: Path, count: int = 12) -> InstrumentDatabase:
    encoder = SpectrumEncoder()
    database = InstrumentDatabase.create(folder, encoder)
    rows = [
        instrument(
            f"i-{row:02d}",
            ("bass", "organ", None)[row % 3],
            bank=("One", "Two")[row % 2],
            source=("surge", "soundfont")[row % 2],
        )
        for row in range(count)
    ]
    database.add(rows, unit_vectors(np.random.default_rng(3), count, 32))
    return database


def test_a_database_keeps_its_calibration(tmp_path: Path) -> None:
    database = make_database(tmp_path / "db")
    made = make_calibration(database.identity)
    assert database.calibration is None
    assert database.info().calibration is None
    database.set_calibration(made)
    assert database.calibration == made
    assert database.info().calibration == "40 mixtures of nothing"
    database.add([instrument("more")], np.ones((1, 32)))
    assert database.calibration == made
    assert InstrumentDatabase.open(tmp_path / "db").calibration == made
    again = make_calibration(database.identity, threshold=0.7)
    database.set_calibration(again)
    assert InstrumentDatabase.open(tmp_path / "db").calibration == again
    hidden = [path.name for path in (tmp_path / "db").glob(".*") if path.name != ".lock"]
    assert not hidden


def test_export_keeps_the_calibration_and_a_rebuild_drops_it(tmp_path: Path) -> None:
    database = make_database(tmp_path / "db")
    made = make_calibration(database.identity)
    database.set_calibration(made)
    database.export(tmp_path / "copy")
    assert InstrumentDatabase.open(tmp_path / "copy").calibration == made

    class Sounds:
        def instruments(self) -> list[Instrument]:
            return [instrument(f"t-{row}") for row in range(2)]

        def __iter__(self) -> Any:
            for number, row in enumerate(self.instruments(), start=1):
                yield Reference(row, tone(200.0 * number), 16_000)

    rebuilt = build_database(tmp_path / "db", SpectrumEncoder(), [Sounds()])
    assert rebuilt.calibration is None
    assert not (tmp_path / "db" / CALIBRATION_NAME).exists()


def test_another_models_calibration_is_refused(tmp_path: Path) -> None:
    database = make_database(tmp_path / "db")
    with pytest.raises(DatabaseError, match=r"model other.*cir database calibrate"):
        database.set_calibration(make_calibration("other"))
    assert database.calibration is None
    text = json.dumps(make_calibration("other").as_dict())
    (tmp_path / "db" / CALIBRATION_NAME).write_text(text, encoding="utf-8")
    opened = InstrumentDatabase.open(tmp_path / "db")
    with pytest.raises(DatabaseError, match=r"model other.*cir database calibrate"):
        assert opened.calibration
    opened.set_calibration(make_calibration(opened.identity))
    assert opened.calibration is not None


@pytest.mark.parametrize("text", ["{", "", "[]", '{"identity": "m"}', "\x80"])
def test_a_damaged_file_says_what_to_do_and_can_be_replaced(tmp_path: Path, text: str) -> None:
    database = make_database(tmp_path / "db")
    (tmp_path / "db" / CALIBRATION_NAME).write_text(text, encoding="latin-1")
    opened = InstrumentDatabase.open(tmp_path / "db")
    with pytest.raises(DatabaseError, match="cir database calibrate"):
        assert opened.calibration
    opened.set_calibration(make_calibration(database.identity))
    assert opened.calibration is not None


def test_own_databases_have_the_words_of_the_bundled_calibration_but_not_its_chances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = make_database(tmp_path / "bundled")
    monkeypatch.setattr(database_module, "BUNDLED_PATH", tmp_path / "bundled")
    shipped = make_calibration(bundled.identity)
    bundled.set_calibration(shipped)
    own = make_database(tmp_path / "own", count=3)
    assert own.calibration is None
    assert own.likeness == shipped.likeness
    own.export(tmp_path / "copy")
    assert read_calibration(tmp_path / "copy") is None
    fitted = make_calibration(own.identity, threshold=0.9, likeness=Likeness(0.1, 0.2))
    own.set_calibration(fitted)
    assert own.calibration == fitted
    assert own.likeness == fitted.likeness
    other = InstrumentDatabase.create(tmp_path / "other", SpectrumEncoder(seed=1))
    assert other.calibration is None
    assert other.likeness == Likeness()


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION))
def test_a_calibration_of_an_older_format_counts_as_none(tmp_path: Path, version: int) -> None:
    database = make_database(tmp_path / "db")
    text = json.dumps({"identity": database.identity, "format_version": version})
    (tmp_path / "db" / CALIBRATION_NAME).write_text(text, encoding="utf-8")
    assert InstrumentDatabase.open(tmp_path / "db").calibration is None


def test_similarities_equal_the_oracle_under_every_filter(tmp_path: Path) -> None:
    database = make_database(tmp_path / "db")
    query = unit_vectors(np.random.default_rng(4), 1, 32)[0]
    ids, embeddings = database.embeddings()
    for family in ("bass", "organ", "voice", None):
        for bank in ("One", None):
            for source in ("surge", "soundfont", None):
                rows = [
                    row
                    for row, name in enumerate(ids)
                    for one in [database.get(name)]
                    if (family is None or one.family == family)
                    and (bank is None or one.bank == bank)
                    and (source is None or one.source == source)
                ]
                found = database.similarities(query, family, bank=bank, source=source)
                np.testing.assert_array_equal(found, cosine_similarities(embeddings[rows], query))
                matches = database.search(query, 20, family, bank=bank, source=source)
                assert [m.similarity for m in matches] == sorted(found.tolist(), reverse=True)
    for arguments in ({"family": "kazoo"}, {"bank": "Casio"}, {"embedding": np.zeros(32)}):
        with pytest.raises(CirError):
            database.similarities(**{"embedding": query, **arguments})


@pytest.mark.skipif(
    not (BUNDLED / CALIBRATION_NAME).is_file(), reason="the bundled database is not calibrated"
)
def test_the_bundled_database_is_calibrated_for_its_model() -> None:
    database = InstrumentDatabase.open()
    calibration = database.calibration
    assert calibration is not None
    assert calibration.identity == database.identity
    assert calibration.false_alarm_rate == 0.05
    assert {"percussion", "bass", "synth_lead"} <= set(calibration.candidates)
    assert "pipe" not in calibration.candidates  # too few to know
    _, embeddings = database.embeddings()
    for family, count in calibration.candidates.items():
        row = next(row for row, one in enumerate(database.instruments()) if one.family == family)
        itself = database.similarities(embeddings[row], family)
        assert len(itself) == count
        judged = calibration.judge(itself, family, 5)
        assert not judged.is_absent
        assert judged.top_1 is not None
        assert 5 / len(itself) < judged.top_1 < 1.0
