from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from cir.errors import DatabaseError
from cir.index.database import InstrumentDatabase
from cir.index.parquet import EMBEDDINGS_NAME, INSTRUMENTS_NAME, write_parquet
from tests.fakes import SpectrumEncoder, instrument, unit_vectors

pytest.importorskip("pyarrow")


@pytest.fixture
def database(tmp_path: Path) -> InstrumentDatabase:
    made = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    rows = [instrument("a"), instrument("b", None, name='Odd, "name"'), instrument("c", "organ")]
    made.add(rows, unit_vectors(np.random.default_rng(0), 3, 32))
    return made


def test_pandas_reads_every_row_with_its_embedding(
    database: InstrumentDatabase, tmp_path: Path
) -> None:
    import pandas as pd

    write_parquet(database, tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / INSTRUMENTS_NAME)
    ids, embeddings = database.embeddings()
    assert tuple(table["instrument_id"]) == ids
    assert list(table["name"]) == [one.name for one in database.instruments()]
    assert table["family"].isna().tolist() == [one.family is None for one in database.instruments()]
    np.testing.assert_array_equal(np.stack(list(table["embedding"])), embeddings)
    places = database.coordinates()
    assert places is not None
    np.testing.assert_array_equal(table[["x", "y"]].to_numpy(np.float32), places)
    arrays = load_file(tmp_path / "out" / EMBEDDINGS_NAME)
    np.testing.assert_array_equal(arrays["embeddings"], embeddings)


def test_duckdb_searches_it(database: InstrumentDatabase, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    write_parquet(database, tmp_path / "out")
    ids, embeddings = database.embeddings()
    found = duckdb.sql(
        f"""select instrument_id from '{tmp_path / "out" / INSTRUMENTS_NAME}'
        order by array_inner_product(embedding::float[32], $query::float[32]) desc limit 1""",
        params={"query": embeddings[2].tolist()},
    )
    assert found.fetchall() == [(ids[2],)]


def test_a_folder_in_use_is_refused(database: InstrumentDatabase, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(DatabaseError, match="holds other files"):
        write_parquet(database, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
