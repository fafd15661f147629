"""Instruments are taken out of a personal database again."""

from pathlib import Path

import numpy as np
import pytest

from cir.errors import DatabaseError, InputError
from cir.index import database as database_module
from cir.index.database import InstrumentDatabase
from tests.fakes import SpectrumEncoder, instrument, unit_vectors


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstrumentDatabase:
    """Five instruments with something in place of their previews."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    made = InstrumentDatabase.create(tmp_path / "db", SpectrumEncoder())
    rows = [instrument(f"i-{number}") for number in range(5)]
    (tmp_path / "any.opus").write_bytes(b"OggS")
    previews = {row.instrument_id: tmp_path / "any.opus" for row in rows}
    made.add(rows, unit_vectors(np.random.default_rng(0), 5, 32), previews)
    return made


def test_the_others_stay_as_they_are(database: InstrumentDatabase) -> None:
    ids, embeddings = database.embeddings()
    places = database.coordinates()
    assert places is not None
    query = embeddings[1]
    database.remove(["i-1", "i-4"])
    for opened in (database, InstrumentDatabase.open(database.path)):
        assert opened.instruments().ids == ("i-0", "i-2", "i-3")
        np.testing.assert_array_equal(opened.embeddings()[1], embeddings[[0, 2, 3]])
        kept = opened.coordinates()
        assert kept is not None
        np.testing.assert_allclose(kept, places[[0, 2, 3]], atol=1e-4)
        found = [match.instrument.instrument_id for match in opened.search(query, 5)]
        assert sorted(found) == ["i-0", "i-2", "i-3"]
        opened.close()
    previews = sorted(path.stem for path in (database.path / "previews").iterdir())
    assert previews == ["i-0", "i-2", "i-3"]


def test_all_can_go_and_come_back(database: InstrumentDatabase) -> None:
    rows, (ids, embeddings) = tuple(database.instruments()), database.embeddings()
    database.remove(ids)
    assert len(database) == 0
    assert database.search(embeddings[0], 3) == []
    database.add(rows, embeddings)
    assert database.instruments().ids == ids
    database.close()


def test_what_is_not_here_removes_nothing(
    database: InstrumentDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="instruments has the id 'gone'"):
        database.remove(["i-0", "gone"])
    assert len(InstrumentDatabase.open(database.path)) == 5
    monkeypatch.setattr(database_module, "BUNDLED_PATH", database.path)
    with pytest.raises(DatabaseError, match="The bundled database is not changed"):
        database.remove(["i-0"])
