"""Databases on a Chroma server, which the tests start, stop and start again."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import chromadb
import numpy as np
import pytest

from cir.errors import DatabaseError, InputError
from cir.index import chroma_index, server_database
from cir.index.calibration import FORMAT_VERSION
from cir.index.database import InstrumentDatabase
from cir.index.opening import open_database
from cir.index.server_database import ServerDatabase, server_address
from cir.types import FloatArray, Instrument
from tests.chroma_server import ChromaServer
from tests.fakes import SpectrumEncoder, clustered_vectors, instrument

DIMENSION = 32
ENCODER = SpectrumEncoder()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    made = ChromaServer(tmp_path_factory.mktemp("chroma"))
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))


def _rows(count: int) -> tuple[list[Instrument], FloatArray]:
    families = ("bass", "synth_lead", None)
    rows = [
        instrument(f"i-{row:04d}", families[row % 3], bank=f"Bank {row % 4}")
        for row in range(count)
    ]
    return rows, clustered_vectors(np.random.default_rng(0), count, DIMENSION)


def _connect(server: ChromaServer, name: str) -> ServerDatabase:
    address = server_address(server.address(name))
    assert address is not None
    return ServerDatabase.connect(address, create=(ENCODER.identity, DIMENSION))


def _local(folder: Path, count: int = 60) -> InstrumentDatabase:
    made = InstrumentDatabase.create(folder, ENCODER)
    made.add(*_rows(count))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("whole_rows", [server_database.WHOLE_ROWS, 10])
def test_it_answers_as_the_same_database_on_disk(
    server: ChromaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_rows: int
) -> None:
    monkeypatch.setattr(server_database, "WHOLE_ROWS", whole_rows)
    local, name = _local(tmp_path / "db"), f"same-{whole_rows}"
    _connect(server, name).add_all(local)
    remote = open_database(server.address(name), encoder=ENCODER)
    assert len(remote) == 60 and remote.families() == {"bass", "synth_lead", None}
    assert remote.info().path == server.address(name)
    for query in clustered_vectors(np.random.default_rng(1), 3, DIMENSION):
        for family, bank in (("bass", None), (None, "Bank 2"), ("bass", "Bank 1"), (None, None)):
            expected = local.search(query, 5, family, bank=bank)
            found = remote.search(query, 5, family, bank=bank)
            assert [(one.instrument, one.similarity) for one in found] == [
                (one.instrument, one.similarity) for one in expected
            ]
    remote.export(tmp_path / "copy")
    copied = InstrumentDatabase.open(tmp_path / "copy")
    assert list(copied.instruments()) == list(local.instruments())
    np.testing.assert_array_equal(copied.embeddings()[1], local.embeddings()[1])


@pytest.mark.slow
def test_chances_of_an_older_format_on_a_server_count_as_none(server: ChromaServer) -> None:
    _connect(server, "older")
    client = chromadb.HttpClient("127.0.0.1", server.port)
    collection = client.get_collection("older", embedding_function=None)
    old = json.dumps({"format_version": FORMAT_VERSION - 1, "identity": ENCODER.identity})
    collection.modify(metadata={**(collection.metadata or {}), "calibration": old})
    assert open_database(server.address("older")).calibration is None


@pytest.mark.slow
def test_sounds_are_sent_and_more_can_be_added_here(server: ChromaServer, tmp_path: Path) -> None:
    rows, embeddings = _rows(2)
    sound = tmp_path / "sound.opus"
    sound.write_bytes(b"a preview")
    local = InstrumentDatabase.create(tmp_path / "db", ENCODER)
    local.add(rows, embeddings, {rows[0].instrument_id: sound})
    remote = _connect(server, "with-sounds")
    remote.add_all(local)
    preview = remote.preview_path(rows[0].instrument_id)
    assert preview is not None and preview.read_bytes() == b"a preview"
    assert preview.parent in remote.sound_folders  # a page serves no others
    copied = _connect(server, "with-sounds-too")
    copied.add_all(remote)
    again = copied.preview_path(rows[0].instrument_id)
    assert again is not None and again.read_bytes() == b"a preview"
    mine = InstrumentDatabase.create(remote.path, ENCODER)  # as `cir database add` does
    mine.add([instrument("mine", "bass")], embeddings[:1])
    remote.send()
    assert len(open_database(server.address("with-sounds"))) == 3
    remote.remove(["mine", rows[0].instrument_id])
    assert not preview.exists()
    copied.add_all(remote)
    remote.send()  # what was removed does not come back
    assert open_database(server.address("with-sounds")).instruments().ids == (
        rows[1].instrument_id,
    )


@pytest.mark.slow
def test_what_one_program_changes_another_one_sees(
    server: ChromaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_database, "_CHECKED_SECONDS", 0.0)
    first = _connect(server, "shared")
    rows, embeddings = _rows(6)
    first.add(rows, embeddings)
    second = open_database(server.address("shared"))
    assert list(second.instruments()) == rows
    first.remove(["i-0002"])
    assert second.search(embeddings[2], 6)[0].instrument.instrument_id != "i-0002"
    assert len(second.instruments()) == 5
    with pytest.raises(InputError, match="no instrument 'i-0002'"):
        second.get("i-0002")


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_is_filled_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma_index, "_ROWS", 20)
    server = ChromaServer(tmp_path / "data")
    server.start()
    rows, embeddings = _rows(200)
    filled = _connect(server, "killed")
    waited: list[bool] = []
    filled._server._waiting = lambda: waited.append(True)
    fractions: list[float] = []

    def stop_halfway(fraction: float, _: str) -> None:
        fractions.append(fraction)
        if fraction == 0.5:
            server.kill()
            Thread(target=server.start).start()

    try:
        filled.add(rows, embeddings, progress=stop_halfway)
        assert waited and fractions[-1] == 1.0
        server.kill()
        server.start()
        found = open_database(server.address("killed"))
        assert list(found.instruments()) == rows
        np.testing.assert_allclose(found.embeddings()[1], embeddings, atol=1e-7)
    finally:
        server.kill()


@pytest.mark.slow
def test_another_model_and_foreign_collections_are_refused(server: ChromaServer) -> None:
    import chromadb

    _connect(server, "mine").add(*_rows(3))
    with pytest.raises(DatabaseError, match="made by the model"):
        open_database(server.address("mine"), encoder=SpectrumEncoder(seed=1))
    with pytest.raises(DatabaseError, match="There is no database chroma://.*cir database add"):
        open_database(server.address("never-made"))
    chromadb.HttpClient("127.0.0.1", server.port).create_collection("foreign")
    with pytest.raises(DatabaseError, match="was not made by this version"):
        open_database(server.address("foreign"))


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(
        DatabaseError, match=r"No Chroma server answers at 127.0.0.1:9 .*chroma run"
    ):
        open_database("chroma://127.0.0.1:9/sounds")


def test_addresses() -> None:
    told = server_address("chromas://db.example.org/my-sounds")
    assert told is not None and (told.port, told.name) == (443, "my-sounds")
    assert str(server_address(Path("chroma://localhost/abc"))) == "chroma://localhost:8000/abc"
    assert server_address("/home/me/chroma") is None and server_address(None) is None
    for wrong in ("chroma://localhost", "chroma://localhost:8000/a", "chroma://h:1/a b c"):
        with pytest.raises(InputError, match=f"{wrong}.*chroma://HOST:PORT/NAME"):
            server_address(wrong)
