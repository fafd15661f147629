import hashlib
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.errors import DatabaseError, DataError, InputError
from cir.index import database as database_module
from cir.index import store as store_module
from cir.index.bundle import write_bundle
from cir.index.database import InstrumentDatabase
from cir.index.home import home
from cir.index.ranking import check_query
from cir.instruments.catalog import Catalog
from cir.types import FloatArray, Instrument
from tests.fakes import SpectrumEncoder, clustered_vectors, exact_search, instrument, unit_vectors

FAMILIES = ("percussion", "bass", "synth_lead", None)
BANKS = ("Factory", "Emu", 'Nick "Quote" Moritz')
SOURCES = ("surge", "soundfont")
DIMENSION = 48


@pytest.fixture(autouse=True)
def cir_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make_rows(count: int, generator: np.random.Generator) -> list[Instrument]:
    return [
        instrument(
            f"i-{row:04d}",
            FAMILIES[generator.integers(len(FAMILIES))],
            bank=BANKS[generator.integers(len(BANKS))],
            source=SOURCES[generator.integers(len(SOURCES))],
        )
        for row in range(count)
    ]


def make_database(
    folder: Path, rows: list[Instrument], embeddings: FloatArray
) -> InstrumentDatabase:
    write_bundle(folder, identity="m", catalog=Catalog(rows), embeddings=embeddings)
    return InstrumentDatabase.open(folder)


def oracle(
    database: InstrumentDatabase, query: FloatArray, top_k: int, **wanted: str | None
) -> list[tuple[str, float]]:
    """Exact search over the rows that pass, by comparison in plain Python."""
    _, embeddings = database.embeddings()
    rows = [
        row
        for row, one in enumerate(database.instruments())
        if all(value is None or getattr(one, column) == value for column, value in wanted.items())
    ]
    ids = [database.instruments()[row].instrument_id for row in rows]
    return exact_search(ids, embeddings[rows], check_query(query, DIMENSION), top_k)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clustered", "random", "twins"])
def test_results_equal_the_oracle_under_every_filter(tmp_path: Path, kind: str) -> None:
    generator = np.random.default_rng(7)
    make = unit_vectors if kind == "random" else clustered_vectors
    embeddings = make(generator, 700, DIMENSION)
    if kind == "twins":  # more equal vectors than a node of the graph has links
        embeddings[100:200] = embeddings[100]
    with make_database(tmp_path / "db", make_rows(700, generator), embeddings) as database:
        queries = [*make(generator, 3, DIMENSION), embeddings[150]]
        filters = itertools.product((*FAMILIES,), (None, *BANKS), (None, *SOURCES))
        for (family, bank, source), top_k in itertools.product(filters, (1, 5, 200)):
            query = queries[top_k % len(queries)]
            found = database.search(query, top_k, family, bank=bank, source=source)
            expected = oracle(database, query, top_k, family=family, bank=bank, source=source)
            assert [(m.instrument.instrument_id, m.similarity) for m in found] == expected
            assert [m.rank for m in found] == list(range(1, len(found) + 1))


def test_a_search_below_the_number_of_rows_returns_fewer(tmp_path: Path) -> None:
    generator = np.random.default_rng(11)
    rows = [instrument("a", "bass"), instrument("b", "bass"), instrument("c", "organ")]
    with make_database(tmp_path, rows, unit_vectors(generator, 3, DIMENSION)) as database:
        query = unit_vectors(generator, 1, DIMENSION)[0]
        assert len(database.search(query, 10, "bass")) == 2
        assert database.search(query, 10, "voice") == []
        assert len(database.search(query, 10)) == 3


def test_scale_of_a_query_does_not_matter(tmp_path: Path) -> None:
    generator = np.random.default_rng(12)
    embeddings = unit_vectors(generator, 20, DIMENSION)
    with make_database(tmp_path, make_rows(20, generator), embeddings) as database:
        loud = [m.instrument for m in database.search(100.0 * embeddings[0], 3)]
        assert loud == [m.instrument for m in database.search(embeddings[0], 3)]
        assert database.search(embeddings[0], 1)[0].similarity == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"top_k": 0}, InputError, "at least 1, not 0"),
        ({"top_k": 2.5}, InputError, "whole number"),
        ({"top_k": True}, InputError, "whole number"),
        ({"family": "bagpipes"}, InputError, "Unknown family 'bagpipes'"),
        ({"bank": "Casio"}, InputError, "no bank 'Casio'; it has Emu, Factory"),
        ({"source": "vital"}, InputError, "no source 'vital'; it has"),
        ({"embedding": np.zeros(DIMENSION)}, InputError, "zero vector"),
        ({"embedding": np.full(DIMENSION, np.nan)}, InputError, "NaN"),
        ({"embedding": np.ones(DIMENSION + 1)}, DatabaseError, "use the model that made"),
    ],
)
def test_faulty_searches_are_refused(
    tmp_path: Path, arguments: dict[str, object], error: type[Exception], words: str
) -> None:
    generator = np.random.default_rng(13)
    embeddings = unit_vectors(generator, 40, DIMENSION)
    database = make_database(tmp_path, make_rows(40, generator), embeddings)
    with pytest.raises(error, match=words):
        database.search(**{"embedding": embeddings[0], **arguments})


def test_another_model_is_refused(tmp_path: Path) -> None:
    encoder = SpectrumEncoder()
    InstrumentDatabase.create(tmp_path / "db", encoder)
    InstrumentDatabase.open(tmp_path / "db", encoder=SpectrumEncoder())
    with pytest.raises(DatabaseError, match="model spectrum-32-0, not by spectrum-32-1"):
        InstrumentDatabase.open(tmp_path / "db", encoder=SpectrumEncoder(seed=1))


def test_the_bundled_database_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    monkeypatch.setattr(database_module, "BUNDLED_PATH", tmp_path / "db")
    with pytest.raises(DatabaseError, match="bundled database is not changed"):
        InstrumentDatabase.open().add([instrument("a")], np.ones((1, 32)))


def test_a_missing_bundled_database_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUNDLED_PATH", tmp_path / "none")
    with pytest.raises(DatabaseError, match="cir database build"):
        InstrumentDatabase.open()


def test_info_counts(tmp_path: Path) -> None:
    rows = [
        instrument("a", "bass", bank="B"),
        instrument("b", None, bank="A"),
        instrument("c", "bass", bank="A", source="soundfont"),
    ]
    database = make_database(tmp_path, rows, unit_vectors(np.random.default_rng(0), 3, DIMENSION))
    info = database.info()
    assert (info.path, info.identity, info.dimension) == (tmp_path, "m", DIMENSION)
    assert info.n_instruments == len(database) == 3
    assert info.families == {"bass": 2, "none": 1}
    assert list(info.banks.items()) == [("A", 2), ("B", 1)]
    assert info.sources == {"surge": 2, "soundfont": 1}


def test_add_inserts_replaces_and_is_found(tmp_path: Path) -> None:
    encoder = SpectrumEncoder()
    generator = np.random.default_rng(14)
    vectors = unit_vectors(generator, 4, 32)
    preview = tmp_path / "sound.opus"
    preview.write_bytes(b"OggS")
    with InstrumentDatabase.create(tmp_path / "db", encoder) as database:
        assert database.search(vectors[0]) == []
        database.add([instrument("b"), instrument("a")], vectors[:2], {"a": preview})
        found = database.search(vectors[1], 1)[0]
        assert found.instrument.instrument_id == "a"
        assert found.preview is not None
        assert found.preview.read_bytes() == b"OggS"
        assert database.preview_path("b") is None
        moved = instrument("a", "organ", name="Moved")
        database.add([moved, instrument("c")], vectors[2:])
        assert sorted(database.instruments().ids) == ["a", "b", "c"]
        assert database.search(vectors[2], 1, "organ")[0].instrument == moved
        assert {m.instrument.instrument_id for m in database.search(vectors[2], 9, "bass")} == {
            "b",
            "c",
        }
    with InstrumentDatabase.open(tmp_path / "db", encoder=encoder) as again:
        assert again.get("a") == moved
        ids, embeddings = again.embeddings()
        assert ids == ("b", "a", "c")
        np.testing.assert_allclose(embeddings, vectors[[0, 2, 3]], atol=1e-6)


def test_add_places_new_instruments_and_leaves_the_others_where_they_are(tmp_path: Path) -> None:
    generator = np.random.default_rng(15)
    vectors = clustered_vectors(generator, 40, 32)
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument(f"i-{row:02d}") for row in range(39)], vectors[:39])
    before = database.coordinates()
    assert before is not None
    database.add([instrument("z")], vectors[39:])
    after = database.coordinates()
    assert after is not None
    np.testing.assert_allclose(after[:39], before, atol=1e-4)
    assert np.isfinite(after[39]).all()
    assert (np.abs(after[39]) <= np.abs(before).max() + 1e-4).all()


@pytest.mark.parametrize(
    ("ids", "embeddings", "error", "words"),
    [
        (["a"], np.ones((2, 32)), InputError, "1 instruments came with 2"),
        (["a"], np.zeros((1, 32)), InputError, "zero vector"),
        (["a"], np.ones((1, 31)), DatabaseError, "31 dimensions"),
        (["a", "a"], np.ones((2, 32)), DataError, "unique"),
        (["A!"], np.ones((1, 32)), DataError, "lower-case"),
    ],
)
def test_faulty_additions_change_nothing(
    tmp_path: Path, ids: list[str], embeddings: FloatArray, error: type[Exception], words: str
) -> None:
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument("kept")], np.ones((1, 32)))
    header = (tmp_path / "db" / "database.json").read_bytes()
    with pytest.raises(error, match=words):
        database.add([instrument(name) for name in ids], embeddings)
    assert (tmp_path / "db" / "database.json").read_bytes() == header
    assert len(database) == 1


def test_export_is_a_plain_copy(tmp_path: Path) -> None:
    generator = np.random.default_rng(16)
    preview = tmp_path / "sound.opus"
    preview.write_bytes(b"OggS")
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument("a")], unit_vectors(generator, 1, 32), {"a": preview})
    database.add([instrument("b")], unit_vectors(generator, 1, 32))
    fractions: list[float] = []
    database.export(tmp_path / "copy", lambda done, _: fractions.append(done))
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == [
        "database.json",
        "embeddings.safetensors",
        "instruments.csv",
        "map.csv",
        "previews",
    ]
    copy = InstrumentDatabase.open(tmp_path / "copy")
    assert copy.instruments() == database.instruments()
    assert copy.preview_path("a") == tmp_path / "copy" / "previews" / "a.opus"
    assert fractions[-1] == 1.0
    with pytest.raises(DatabaseError, match="holds a database already"):
        database.export(tmp_path / "copy")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").touch()
    with pytest.raises(DatabaseError, match="holds other files already"):
        database.export(tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["diary.txt"]


def test_the_present_folder_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument("a")], np.ones((1, 32)))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for folder in (".", tmp_path / "here", "../here"):
        with pytest.raises(DatabaseError, match="here is the folder that you are in"):
            database.export(folder)
    database.export("./copy/")
    assert len(InstrumentDatabase.open(tmp_path / "here" / "copy")) == 1
    with pytest.raises(DatabaseError, match="holds other files already"):
        database.export(".")


def _stores(home: Path) -> list[Path]:
    return sorted(path for path in (home / "stores").glob("*") if path.is_dir())


def test_chroma_has_what_the_database_has_and_answers_as_it_does(tmp_path: Path) -> None:
    import chromadb

    generator = np.random.default_rng(8)
    rows, embeddings = make_rows(60, generator), unit_vectors(generator, 60, DIMENSION)
    database = make_database(tmp_path / "db", rows, embeddings)
    client = chromadb.PersistentClient(str(database.prepare()))
    names = {f"family-{family or 'none'}" for family in FAMILIES}
    assert {one.name for one in client.list_collections()} == names
    stored: dict[str, Any] = {}
    for name in names:
        found = client.get_collection(name, embedding_function=None).get(
            include=["embeddings", "metadatas"]
        )
        assert found["embeddings"] is not None and found["metadatas"] is not None
        pairs = zip(found["embeddings"], found["metadatas"], strict=True)
        stored.update(zip(found["ids"], pairs, strict=True))
    assert set(stored) == {row.instrument_id for row in rows}
    for row, embedding in zip(rows, embeddings, strict=True):
        vector, facts = stored[row.instrument_id]
        np.testing.assert_allclose(vector, embedding, atol=1e-6)
        facts = {**facts, "family": None if facts["family"] == "none" else facts["family"]}
        assert Instrument(instrument_id=row.instrument_id, **facts) == row
    query = unit_vectors(generator, 1, DIMENSION)[0]
    collection = client.get_collection("family-bass", embedding_function=None)
    asked = collection.query(
        query_embeddings=query[None], n_results=3, where={"bank": "Emu"}, include=["distances"]
    )
    matches = database.search(query, 3, "bass", bank="Emu")
    assert asked["ids"] == [[match.instrument.instrument_id for match in matches]]
    assert asked["distances"] is not None
    np.testing.assert_allclose(
        asked["distances"][0], [1 - match.similarity for match in matches], atol=1e-5
    )


def test_chroma_is_written_once_and_again_after_a_change(tmp_path: Path, cir_home: Path) -> None:
    vectors = unit_vectors(np.random.default_rng(17), 2, 32)
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument("a")], vectors[:1])
    assert len(database.search(vectors[0])) == 1
    assert not (cir_home / "stores").exists()  # a search asks nothing of Chroma
    fractions: list[float] = []
    first = database.prepare(lambda done, _: fractions.append(done))
    assert database.prepare(lambda done, _: fractions.append(done)) == first
    assert InstrumentDatabase.open(tmp_path / "db").prepare() == first
    assert fractions == [1.0]
    assert _stores(cir_home) == [first]
    database.add([instrument("b")], vectors[1:2])
    second = database.prepare()
    assert set(_stores(cir_home)) == {first, second} and first != second


def test_a_store_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, cir_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    database.add([instrument("a")], np.ones((1, 32)))

    def fail(folder: Path, *_: object) -> None:
        folder.mkdir()
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "write_collections", fail)
    with pytest.raises(DatabaseError, match="No space left.*CIR_HOME"):
        database.prepare()
    assert _stores(cir_home) == []
    assert len(database.search(np.ones(32))) == 1


@pytest.mark.slow
def test_processes_that_start_at_once_share_one_store(tmp_path: Path, cir_home: Path) -> None:
    generator = np.random.default_rng(18)
    rows, embeddings = make_rows(200, generator), clustered_vectors(generator, 200, DIMENSION)
    make_database(tmp_path / "db", rows, embeddings)
    script = (
        "import sys, numpy as np\n"
        "from cir.index.database import InstrumentDatabase\n"
        "database = InstrumentDatabase.open(sys.argv[1])\n"
        "matches = database.search(np.ones(48), 3)\n"
        "assert 'chromadb' not in sys.modules\n"
        "print(*(match.instrument.instrument_id for match in matches), database.prepare())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "db")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=400)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(answers) == 1
    assert len(_stores(cir_home)) == 1


def test_stores_unused_for_a_month_are_removed(tmp_path: Path, cir_home: Path) -> None:
    generator = np.random.default_rng(19)
    for days in (29, 31, 0):
        before = set(_stores(cir_home))
        rows = [instrument(f"days-{days}")]
        folder = tmp_path / f"db-{days}"
        with make_database(folder, rows, unit_vectors(generator, 1, 8)) as database:
            database.prepare()
        (new,) = set(_stores(cir_home)) - before
        used = time.time() - days * 86_400
        os.utime(new / "ready", (used, used))
    assert len(_stores(cir_home)) == 2


def test_a_home_that_cannot_be_written_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.delenv("CIR_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    fallback = home()
    assert fallback.is_dir()
    assert home() == fallback


def test_searching_changes_no_file_of_the_bundle(tmp_path: Path) -> None:
    generator = np.random.default_rng(20)
    folder = tmp_path / "db"
    with make_database(folder, make_rows(30, generator), unit_vectors(generator, 30, 8)) as opened:
        before = {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}
        opened.search(np.ones(8))
    assert before == {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}
