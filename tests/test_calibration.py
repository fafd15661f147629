"""Chances and novelty from similarities, as plain numbers that are stored with a database."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cir.index.database as database_module
from cir.errors import CirError, DatabaseError, InputError
from cir.index.build import build_database
from cir.index.calibration import CALIBRATION_NAME, Calibration, read_calibration
from cir.index.chances import ChanceModel
from cir.index.database import InstrumentDatabase
from cir.index.exact import cosine_similarities
from cir.index.novelty import NoveltyModel
from cir.index.references import Reference
from cir.types import Instrument
from tests.fakes import SpectrumEncoder, instrument, tone, unit_vectors

BUNDLED = Path(database_module.__file__).parents[1] / "assets" / "database"


def make_calibration(identity: str = "m", **changes: Any) -> Calibration:
    values: dict[str, Any] = {
        "identity": identity,
        "about": "40 mixtures of nothing",
        "chance": ChanceModel(5.0, 20.0, 0.5, 0.3, {"bass": 4.0, "organ": -80.0}),
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
def test_chances_are_chances(count: int, family: str | None, kind: str) -> None:
    generator = np.random.default_rng(count)
    similarities = {
        "spread": generator.uniform(-1, 1, count),
        "equal": np.full(count, 0.5),
        "extreme": np.where(np.arange(count) % 2, -1.0, 1.0),
    }[kind]
    judged = make_calibration().judge(similarities, family, count)
    chances = np.array(judged.chances)
    assert len(chances) == count
    assert chances.sum() == pytest.approx(1.0)
    assert (chances >= 0).all() and (np.diff(chances) <= 0).all()
    assert judged.top_1 == chances[0]
    assert judged.top_5 == pytest.approx(chances[:5].sum()) and judged.top_5 <= 1.0
    assert 0.0 <= judged.novelty <= 1.0
    assert judged.is_absent == (judged.novelty > 0.6)
    assert judged.false_alarm_rate == 0.1
    shuffled = make_calibration().judge(generator.permutation(similarities), family, count)
    assert shuffled == judged


def test_the_chances_equal_the_formula_term_by_term() -> None:
    similarities = [0.2, 0.9, 0.5, 0.45, -0.3, 0.1]
    best, fifth = 0.9, 0.1
    scale = 5.0 + 20.0 * (best - fifth) + 0.5 * np.log(6) + 4.0
    weights = [
        np.exp(scale * similarity) / rank**0.3
        for rank, similarity in enumerate(sorted(similarities, reverse=True), start=1)
    ]
    judged = make_calibration().judge(similarities, "bass", 3)
    np.testing.assert_allclose(judged.chances, np.array(weights)[:3] / sum(weights))
    assert judged.top_5 == pytest.approx(sum(weights[:5]) / sum(weights))
    mean = sum(similarities) / 6
    logit = 2.0 - 6.0 * best - (best - fifth) + 0.5 * mean + 0.1 * np.log(6) - 0.3
    assert judged.novelty == pytest.approx(1 / (1 + np.exp(-logit)))


def test_a_scale_below_zero_leaves_the_order_alone() -> None:
    judged = make_calibration().judge([0.9, 0.3, 0.8], "organ", 3)
    ranks = np.array([1.0, 2.0, 3.0]) ** -0.3
    np.testing.assert_allclose(judged.chances, ranks / ranks.sum())


def test_nothing_to_choose_from_is_absent() -> None:
    judged = make_calibration().judge([], "bass", 5)
    assert judged.chances == () and judged.is_absent
    assert (judged.top_1, judged.top_5, judged.novelty) == (0.0, 0.0, 1.0)


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
    values = make_calibration().as_dict()
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
        (damage(threshold=1.5), "between 0 and 1"),
        (damage(false_alarm_rate=float("nan")), "not finite"),
        (damage(format_version=2), "format 2"),
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


def test_own_databases_borrow_the_bundled_calibration_of_their_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = make_database(tmp_path / "bundled")
    monkeypatch.setattr(database_module, "BUNDLED_PATH", tmp_path / "bundled")
    shipped = make_calibration(bundled.identity)
    bundled.set_calibration(shipped)
    own = make_database(tmp_path / "own", count=3)
    assert own.calibration == shipped
    own.export(tmp_path / "copy")
    assert read_calibration(tmp_path / "copy") == shipped
    fitted = make_calibration(own.identity, threshold=0.9)
    own.set_calibration(fitted)
    assert own.calibration == fitted
    other = InstrumentDatabase.create(tmp_path / "other", SpectrumEncoder(seed=1))
    assert other.calibration is None


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
    _, embeddings = database.embeddings()
    itself = database.similarities(embeddings[0], database.instruments()[0].family)
    judged = calibration.judge(itself, database.instruments()[0].family, 5)
    assert not judged.is_absent
    assert judged.top_1 > 5 / len(itself)
