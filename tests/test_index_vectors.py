"""What every index must do, and what the exact one answers is right for all of them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.errors import DatabaseError
from cir.index import database as database_module
from cir.index import faiss_index
from cir.index.bundle import read_bundle
from cir.index.chroma_index import ChromaIndex
from cir.index.columns import ANY, Columns, Wanted
from cir.index.database import InstrumentDatabase
from cir.index.exact_index import ExactIndex
from cir.index.faiss_index import FaissIndex
from cir.index.scale import ScaleIndex
from cir.index.vectors import VectorIndex, Vectors
from cir.types import FloatArray, Instrument
from tests.fakes import SpectrumEncoder, clustered_vectors, instrument, unit_vectors

DIMENSION = 24
FAMILIES = ("bass", "synth_lead", None)
KINDS = ("exact", "faiss", "chroma")


def _rows(count: int = 900) -> tuple[list[Instrument], FloatArray]:
    instruments = [
        instrument(
            f"i-{row:04d}",
            FAMILIES[row % 3],
            bank=f"Bank {row % 10}",
            source=("surge", "samples")[row % 2],
        )
        for row in range(count)
    ]
    return instruments, clustered_vectors(np.random.default_rng(0), count, DIMENSION)


@pytest.fixture(params=KINDS)
def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VectorIndex]:
    instruments, embeddings = _rows()
    if request.param == "chroma":
        import chromadb

        client = chromadb.PersistentClient(str(tmp_path))
        made = ChromaIndex(client)
        made.upsert(instruments, embeddings)
        yield made
        client.close()  # type: ignore[attr-defined]
        return
    exact = ExactIndex(instruments, embeddings)
    if request.param == "faiss":
        pytest.importorskip("faiss")
        monkeypatch.setattr(faiss_index, "EXACT_ROWS", 20)
        monkeypatch.setattr(faiss_index, "_FAMILY_ROWS", 20)
        yield FaissIndex.build(exact)
    else:
        yield exact


@pytest.mark.slow
@pytest.mark.parametrize("filters", [ANY, Wanted("Bank 3"), Wanted(None, "surge")])
@pytest.mark.parametrize("family", ["bass", None])
def test_the_nearest_are_found(index: VectorIndex, family: str | None, filters: Wanted) -> None:
    instruments, embeddings = _rows()
    for query in unit_vectors(np.random.default_rng(2), 5, DIMENSION):
        scores = embeddings.astype(np.float64) @ query
        passes = [
            row
            for row in np.argsort(-scores)
            if family in (None, instruments[row].family) and filters.passes(instruments[row])
        ]
        found = index.search(query, 5, family, filters)
        ids_found = {one.instrument_id for one in found.instruments}
        assert {instruments[row].instrument_id for row in passes[:5]} <= ids_found
        assert all(filters.passes(one) for one in found.instruments)
        assert index.count(family, filters) == len(passes)
        _check_rows(found)


def test_rows_are_replaced_and_removed(index: VectorIndex) -> None:
    instruments, embeddings = _rows()
    query = -embeddings[0]
    moved = replace(instruments[0], family="synth_lead", name="Moved")
    new = replace(instruments[1], instrument_id="new")
    index.upsert([moved, new], np.stack([query, query]))
    assert (index.count(), index.count("bass")) == (901, 299)
    found = index.search(query, 2, "synth_lead")
    assert {moved, new} <= set(found.instruments)
    index.delete(["new", "i-0000", "never-here"])
    assert index.count() == 899
    assert not {"new", "i-0000"} & {one.instrument_id for one in index.search(query, 9).instruments}


def test_a_snapshot_is_everything_in_order_of_id(index: VectorIndex) -> None:
    instruments, embeddings = _rows()
    copied = index.snapshot()
    assert list(copied.instruments) == instruments
    np.testing.assert_array_equal(copied.embeddings, embeddings)


def test_an_index_of_nothing_finds_nothing(tmp_path: Path) -> None:
    empty = ExactIndex((), np.empty((0, DIMENSION), np.float32))
    query = unit_vectors(np.random.default_rng(0), 1, DIMENSION)[0]
    assert not len(empty.search(query, 5, "bass").instruments)
    assert not len(empty.snapshot().instruments)


def test_a_stored_faiss_index_answers_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(faiss_index, "EXACT_ROWS", 20)
    monkeypatch.setattr(faiss_index, "_FAMILY_ROWS", 20)
    instruments, embeddings = _rows()
    built = FaissIndex.build(ExactIndex(instruments, embeddings))
    built.write(tmp_path)
    read = FaissIndex.read(tmp_path, ExactIndex(instruments, embeddings))
    query = unit_vectors(np.random.default_rng(3), 1, DIMENSION)[0]
    for family in FAMILIES:
        first, again = (one.search(query, 5, family) for one in (built, read))
        assert first.instruments == again.instruments


def _check_rows(found: Vectors) -> None:
    """Make sure that what is found comes with its own embedding, to the last bit."""
    _, embeddings = _rows()
    for one, row in zip(found.instruments, found.embeddings, strict=True):
        np.testing.assert_array_equal(row, embeddings[int(one.instrument_id[2:])])


def test_rows_of_another_program_are_found_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(database_module, "EXACT_LIMIT", 100)
    monkeypatch.setattr(faiss_index, "EXACT_ROWS", 20)
    monkeypatch.setattr(faiss_index, "_FAMILY_ROWS", 20)
    first = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder(DIMENSION))
    first.add(*_rows())
    query, mine, other = np.eye(3, DIMENSION, dtype=np.float32)
    assert first.index() is not None
    first.search(query, 1)
    InstrumentDatabase.open(tmp_path / "db").add([instrument("theirs")], query[np.newaxis])
    for number, vector in enumerate((mine, other)):
        first.add([instrument(f"mine-{number}")], vector[np.newaxis])
        first.index()
        again = InstrumentDatabase.open(tmp_path / "db")
        again.index()
        for database in (first, again):
            for family in ("bass", None):
                assert not database.ranking(query, family, best=1).is_complete
                for one, wanted in ((query, "theirs"), (vector, f"mine-{number}")):
                    assert database.search(one, 1, family)[0].instrument.instrument_id == wanted
                    assert database.search(one, 1, family) == database.ranking(one, family).top(1)


def test_an_index_that_went_on_is_not_stored_for_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(faiss_index, "_FAMILY_ROWS", 20)
    made = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder(DIMENSION))
    made.add(*_rows())
    indexes = []
    for number in range(3):
        bundle = read_bundle(made.path)
        indexes.append(ScaleIndex(bundle, Columns(bundle.catalog)))
        made.add([instrument(f"new-{number}")], np.ones((1, DIMENSION)))
    monkeypatch.setattr(ScaleIndex, "_prepare_quietly", lambda _: None)
    indexes[0].prepare()
    indexes[1].start(indexes[0], ["new-0"])
    assert isinstance(indexes[1].current(), FaissIndex)
    indexes[2].start(indexes[1], ["new-1"])
    with pytest.raises(DatabaseError, match="has changed"):
        indexes[1].prepare()
    assert indexes[2].prepare().is_dir()
    assert len(list((tmp_path / "home" / "indexes").glob("*/none.faiss"))) == 2
