import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from cir.errors import DatabaseError
from cir.index import bundle as bundle_module
from cir.index.bundle import Bundle, is_bundle, read_bundle, write_bundle
from cir.instruments.catalog import Catalog
from tests.fakes import instrument, unit_vectors


def _write(folder: Path, count: int = 4, *, seed: int = 0, with_map: bool = True) -> Bundle:
    generator = np.random.default_rng(seed)
    write_bundle(
        folder,
        identity="model-a",
        catalog=Catalog(instrument(f"i-{row}") for row in range(count)),
        embeddings=unit_vectors(generator, count, 6),
        coordinates=generator.uniform(-9, 9, (count, 2)).astype(np.float32) if with_map else None,
        map_trustworthiness=0.9 if with_map else None,
    )
    return read_bundle(folder)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    bundle = _write(tmp_path / "new" / "bundle")
    np.testing.assert_array_equal(bundle.embeddings, unit_vectors(generator, 4, 6))
    assert bundle.coordinates is not None
    np.testing.assert_allclose(bundle.coordinates, generator.uniform(-9, 9, (4, 2)), atol=1e-5)
    assert [row.instrument_id for row in bundle.catalog] == ["i-0", "i-1", "i-2", "i-3"]
    assert (bundle.header.identity, bundle.header.map_trustworthiness) == ("model-a", 0.9)
    names = {path.name for path in (tmp_path / "new" / "bundle").iterdir()}
    assert names == {"database.json", "instruments.csv", "embeddings.safetensors", "map.csv"}


def test_a_bundle_may_be_empty_and_without_map(tmp_path: Path) -> None:
    bundle = _write(tmp_path, 0, with_map=False)
    assert bundle.embeddings.shape == (0, 6)
    assert bundle.coordinates is None


def test_embeddings_in_memory_cannot_be_changed_by_accident(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        _write(tmp_path).embeddings[0, 0] = 1.0


def test_a_change_leaves_no_old_tables_and_gets_another_digest(tmp_path: Path) -> None:
    first = _write(tmp_path, 3)
    second = _write(tmp_path, 5, seed=1)
    assert first.digest != second.digest
    assert len(second.catalog) == 5
    assert len(list(tmp_path.iterdir())) == 4


def test_a_crash_before_the_header_leaves_the_old_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _write(tmp_path, 3)

    def fail(*_: object, **__: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr("cir.index.bundle.json.dumps", fail)
    with pytest.raises(OSError, match="disk full"):
        _write(tmp_path, 5, seed=1)
    after = read_bundle(tmp_path)
    assert after.digest == before.digest
    np.testing.assert_array_equal(after.embeddings, before.embeddings)


def test_a_reader_whose_files_were_just_replaced_reads_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, 3)
    from cir.index import bundle as module

    real, calls = module._read_header, []

    def read_header_then_lose_a_race(folder: Path) -> module.Header:
        header = real(folder)
        calls.append(header)
        if len(calls) == 1:
            monkeypatch.setattr(module, "_read_header", real)
            _write(tmp_path, 5, seed=1)
        return header

    monkeypatch.setattr(module, "_read_header", read_header_then_lose_a_race)
    assert len(read_bundle(tmp_path).catalog) == 5


def _edit_header(folder: Path, **changes: object) -> None:
    path = folder / "database.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_faulty_bundles_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"no database in .*cir database add"):
        read_bundle(tmp_path / "nowhere")
    _write(tmp_path)
    assert is_bundle(tmp_path)
    with (tmp_path / "instruments.csv").open("a") as table:
        table.write("\n")
    with pytest.raises(DatabaseError, match="instruments.csv is damaged"):
        read_bundle(tmp_path)
    (tmp_path / "instruments.csv").unlink()
    with pytest.raises(DatabaseError, match="lacks instruments.csv"):
        read_bundle(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 99}, "has format 99"),
        ({"colour": "blue"}, "is no database header"),
        ({"files": {"instruments": "../../etc/passwd"}}, "is no database header"),
        ({"files": 3}, "is no database header"),
        ({"n_instruments": 9}, "contradicts itself"),
    ],
)
def test_faulty_headers_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    _write(tmp_path)
    _edit_header(tmp_path, **changes)
    with pytest.raises(DatabaseError, match=words):
        read_bundle(tmp_path)


def test_a_header_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "database.json").write_text("{")
    with pytest.raises(DatabaseError, match="is not JSON"):
        read_bundle(tmp_path)
    (tmp_path / "database.json").write_text("[]")
    with pytest.raises(DatabaseError, match="is no database header"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("table", ["instruments", "embeddings", "map"])
def test_a_table_that_cannot_be_read_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    before = _write(tmp_path, 3)
    writers = {
        "instruments": (Catalog, "to_csv"),
        "embeddings": (bundle_module, "save"),
        "map": (bundle_module, "_write_map"),
    }
    owner, name = writers[table]
    real = getattr(owner, name)

    def write_badly(*arguments: Any) -> Any:
        """What a format that cannot hold its content would leave."""
        if table == "embeddings":
            return real({"embeddings": 0.5 * arguments[0]["embeddings"]})
        real(*arguments)
        path = next(one for one in arguments if isinstance(one, Path))
        path.write_text(path.read_text().replace("i-1", "i\r1"))

    monkeypatch.setattr(owner, name, write_badly)
    with pytest.raises(DatabaseError):
        _write(tmp_path, 5, seed=1)
    assert read_bundle(tmp_path).catalog == before.catalog
    monkeypatch.undo()
    _write(tmp_path, 5, seed=1)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("map", "instrument_id,x,y\ni-0,nan,0\n"),
        ("map", "instrument_id,x,y\ni-0,1,2\n"),
        ("map", "instrument_id,x,y\ni-0,1e39,2\n"),
        ("instruments", "\0"),
        ("embeddings", save({"embeddings": np.ones((4, 6), np.int32)})),
        ("embeddings", save({"embeddings": np.full((4, 6), np.nan, np.float32)})),
        ("embeddings", save({"others": np.ones((4, 6), np.float32)})),
        ("embeddings", save({"embeddings": np.ones(24, np.float32)})),
    ],
)
def test_tables_of_strangers_are_checked(tmp_path: Path, table: str, content: str | bytes) -> None:
    header = _write(tmp_path).header
    path = tmp_path / header.files[table]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    _edit_header(tmp_path, sha256={**header.sha256, table: digest})
    with pytest.raises(DatabaseError):
        read_bundle(tmp_path)
