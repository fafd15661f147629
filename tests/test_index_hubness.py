"""Instruments that are near to every mixture are marked down, in every kind of search."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.errors import DatabaseError, InputError
from cir.evaluation.fit_hubs import fit_hubs
from cir.evaluation.gallery import Gallery
from cir.evaluation.listeners import Corrected, as_searched, as_searched_if_known
from cir.evaluation.mixture_stream import MixtureSet, ask_mixtures, timed
from cir.index import database as database_module
from cir.index.calibration import CALIBRATION_NAME
from cir.index.database import InstrumentDatabase
from cir.index.hubness import HUBS_NAME, NEAREST, HubCohort, read_hubs, write_hubs
from cir.index.ranking import cosine_similarities
from cir.types import FloatArray
from tests.fakes import SpectrumEncoder, instrument, unit_vectors
from tests.tone_dataset import ToneDataset

DIMENSION = 32
IDENTITY = SpectrumEncoder().identity


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


def make_cohort(count: int = 30, identity: str = IDENTITY) -> HubCohort:
    """Queries around one direction, a few of them about instruments of `make_database`."""
    generator = np.random.default_rng(5)
    queries = unit_vectors(generator, count, DIMENSION)
    queries[:, 0] += 1
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    owners = tuple(f"bass-{row:02d}" if row < 12 else "elsewhere" for row in range(count))
    return HubCohort(identity, "made up", {"bass": queries}, {"bass": owners})


def make_database(folder: Path, count: int = 40) -> InstrumentDatabase:
    database = InstrumentDatabase.create(folder, SpectrumEncoder())
    rows = [instrument(f"bass-{row:02d}", "bass") for row in range(count)]
    rows += [instrument(f"organ-{row:02d}", "organ") for row in range(5)]
    database.add(rows, unit_vectors(np.random.default_rng(3), count + 5, DIMENSION))
    return database


def naive_bias(cohort: HubCohort, embedding: FloatArray, name: str) -> float:
    found = [
        float(np.dot(query, embedding))
        for query, owner in zip(cohort.queries["bass"], cohort.owners["bass"], strict=True)
        if owner != name
    ]
    return float(np.mean(sorted(found)[-NEAREST:]))


def test_the_bias_is_the_mean_of_the_nearest_queries_about_others() -> None:
    cohort = make_cohort()
    embeddings = unit_vectors(np.random.default_rng(0), 20, DIMENSION)
    ids = [f"bass-{row:02d}" for row in range(20)]
    found = cohort.bias(embeddings, ids, "bass")
    expected = [naive_bias(cohort, one, name) for one, name in zip(embeddings, ids, strict=True)]
    np.testing.assert_allclose(found, np.array(expected) - np.mean(expected), atol=1e-6)
    assert not np.allclose(cohort.bias(embeddings, ["x"] * 20, "bass"), found)


def test_few_queries_and_none_are_no_accident() -> None:
    few = make_cohort(count=3)
    embedding, two = few.queries["bass"][:1], few.queries["bass"][:2]
    first, second = (naive_bias(few, one, "x") for one in two)
    found = few.bias(two, ["x", "x"], "bass")
    np.testing.assert_allclose(found, [(first - second) / 2, (second - first) / 2], atol=1e-6)
    assert few.bias(embedding, ["x"], "bass").tolist() == [0.0]
    only_own = HubCohort("m", "", {"bass": embedding}, {"bass": ("bass-00",)})
    unknown = only_own.bias(two, ["bass-00", "bass-00"], "bass")
    assert unknown.tolist() == [0.0, 0.0]
    assert few.bias(embedding, ["bass-01"], "organ").tolist() == [0.0]
    assert few.bias(embedding[:0], [], "bass").shape == (0,)


def test_a_search_ranks_by_what_is_left(tmp_path: Path) -> None:
    database = make_database(tmp_path / "db")
    query = make_cohort().queries["bass"][20]
    plain = [match.instrument.instrument_id for match in database.search(query, 5, "bass")]
    database.set_hubs(make_cohort())
    assert [m.instrument.instrument_id for m in database.search(query, 5, "bass")] == plain
    cohort = database.hubs
    assert cohort is not None
    ids, embeddings = database.embeddings()
    rows = [row for row, name in enumerate(ids) if name.startswith("bass")]
    biases = [naive_bias(cohort, embeddings[row], ids[row]) for row in rows]
    cosines = cosine_similarities(embeddings[rows], query)
    left = {
        ids[row]: cosine - (bias - np.mean(biases))
        for row, cosine, bias in zip(rows, cosines, biases, strict=True)
    }
    found = database.search(query, 5, "bass", of_mixture=True)
    expected = sorted(left, key=lambda name: -left[name])[:5]
    assert [match.instrument.instrument_id for match in found] == expected != plain
    np.testing.assert_allclose(
        [match.similarity for match in found], [left[name] for name in expected], atol=1e-6
    )
    every = database.similarities(query, "bass", of_mixture=True)
    np.testing.assert_allclose(every, [left[ids[row]] for row in rows], atol=1e-6)
    organs = database.search(query, 5, "organ", of_mixture=True)
    assert organs == database.search(query, 5, "organ")
    everybody = database.search(query, 5, of_mixture=True)
    assert everybody == database.search(query, 5)


def test_new_instruments_are_marked_down_too(tmp_path: Path) -> None:
    database = make_database(tmp_path / "db")
    database.set_hubs(make_cohort())
    hub = make_cohort().queries["bass"].mean(0)
    query = make_cohort().queries["bass"][20]
    before = database.search(query, 1, "bass", of_mixture=True)
    database.add([instrument("hub", "bass")], hub[np.newaxis])
    assert database.search(query, 1, "bass")[0].instrument.instrument_id == "hub"
    after = database.search(query, 1, "bass", of_mixture=True)
    assert after[0].instrument == before[0].instrument


def test_a_cohort_is_kept_exported_and_lent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = make_database(tmp_path / "bundled")
    monkeypatch.setattr(database_module, "BUNDLED_PATH", tmp_path / "bundled")
    (tmp_path / "bundled" / CALIBRATION_NAME).write_text("fitted on other similarities")
    bundled.set_hubs(make_cohort())
    assert not (tmp_path / "bundled" / CALIBRATION_NAME).exists()
    own = make_database(tmp_path / "own", count=3)
    own.export(tmp_path / "copy")
    kept = read_hubs(tmp_path / "copy")
    for cohort in (own.hubs, kept, read_hubs(tmp_path / "bundled")):
        assert cohort is not None
        assert (cohort.identity, cohort.about) == (IDENTITY, "made up")
        assert cohort.owners == make_cohort().owners
        np.testing.assert_allclose(cohort.queries["bass"], make_cohort().queries["bass"], atol=1e-3)
    other = InstrumentDatabase.create(tmp_path / "other", SpectrumEncoder(seed=1))
    assert other.hubs is None
    with pytest.raises(DatabaseError, match="cir database calibrate"):
        other.set_hubs(make_cohort())


@pytest.mark.parametrize("damage", ["text", "owners", "identity"])
def test_a_damaged_cohort_says_what_to_do(tmp_path: Path, damage: str) -> None:
    database = make_database(tmp_path / "db")
    if damage == "text":
        (tmp_path / "db" / HUBS_NAME).write_text("{}", encoding="utf-8")
    elif damage == "owners":
        write_hubs(tmp_path / "db", replace(make_cohort(), owners={"bass": ("x",)}))
    else:
        write_hubs(tmp_path / "db", make_cohort(identity="another"))
    with pytest.raises(DatabaseError, match="cir database calibrate"):
        database.search(np.ones(DIMENSION), 1, "bass", of_mixture=True)
    database.set_hubs(make_cohort())
    assert database.hubs is not None


@pytest.fixture(scope="module")
def tones() -> Gallery:
    return Gallery([ToneDataset(families=("bass", "organ", "voice"))])


def test_a_cohort_is_what_the_model_answered_for_training_instruments(tones: Gallery) -> None:
    encoder = SpectrumEncoder()
    fractions: list[float] = []
    cohort = fit_hubs(
        encoder, tones, n_mixtures=6, seed=2, progress=lambda done, _: fractions.append(done)
    )
    assert cohort.identity == encoder.identity
    assert cohort.about == "6 mixtures of tones, train split, seed 2"
    training = {
        entry.instrument_id for entry in (tones.entries[n] for n in tones.of_split("train"))
    }
    for family in ("bass", "organ", "voice"):
        assert cohort.queries[family].shape == (6, encoder.embedding_size)
        assert set(cohort.owners[family]) <= training
    again = fit_hubs(encoder, tones, n_mixtures=6, seed=2)
    np.testing.assert_array_equal(again.queries["bass"], cohort.queries["bass"])
    assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1.0)


def test_an_evaluation_sees_what_a_search_sees(tones: Gallery) -> None:
    encoder = SpectrumEncoder()
    cohort = fit_hubs(encoder, tones, n_mixtures=6)
    chosen = MixtureSet(5, 0, "test", ("bass", "organ"))
    methods = timed({"plain": encoder, "corrected": Corrected(encoder, cohort)})
    found = ask_mixtures(methods, tones, chosen)
    plain, corrected = found["plain"]["bass"], found["corrected"]["bass"]
    bias = plain.similarities - corrected.similarities
    assert (bias.std(axis=0) < 1e-6).all() and bias.std() > 1e-3
    notes = encoder.embed(
        [note.audio for _, note in tones.references(tones.of_family("bass"))], 16_000
    )
    np.testing.assert_allclose(bias[0], cohort.bias(notes, plain.candidates, "bass"), atol=1e-5)


def test_only_the_bundled_model_is_searched_with_the_bundled_cohort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cir.evaluation import listeners

    monkeypatch.setattr(listeners, "BUNDLED_PATH", tmp_path)
    encoder = SpectrumEncoder()
    assert as_searched_if_known(encoder) is encoder
    with pytest.raises(DatabaseError, match="no hub penalties for the model spectrum-32-0"):
        as_searched(encoder)
    write_hubs(tmp_path, make_cohort())
    searched = as_searched(encoder)
    assert isinstance(searched, Corrected) and searched.identity == encoder.identity
    other = SpectrumEncoder(seed=1)
    assert as_searched_if_known(other) is other
    with pytest.raises(DatabaseError, match="no hub penalties for the model spectrum-32-1"):
        as_searched(other)


def test_too_little_for_a_cohort_is_refused(tones: Gallery) -> None:
    with pytest.raises(InputError, match="at least 3"):
        fit_hubs(SpectrumEncoder(), tones, n_mixtures=0)
