"""The store against a dictionary, and what is left of writers that were killed."""

import errno
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.errors import DatabaseError, StorageError
from cir.files import writing
from cir.index import row_store
from cir.index.bundle import read_bundle, stamp
from cir.index.changes import add_instruments
from cir.index.ranking import check_embeddings
from cir.index.row_store import FileRecord, Origin, Row, RowStore, rows_path, vectors_path
from cir.types import FloatArray
from tests.fakes import instrument, unit_vectors


@pytest.fixture
def store(tmp_path: Path) -> RowStore:
    RowStore.create(tmp_path, "model", 8)
    return RowStore(tmp_path)


def row(name: str, vector: FloatArray, file: str = "") -> Row:
    return Row(instrument(name), vector, Origin(file, made_of=f"digest of {name}"))


@pytest.mark.slow
def test_changes_in_any_order_leave_what_a_dictionary_holds(store: RowStore) -> None:
    generator = np.random.default_rng(3)
    expected: dict[str, FloatArray] = {}
    for step in range(60):
        vectors = unit_vectors(generator, 3, 8)
        names = [f"i-{number}" for number in generator.choice(20, 3, replace=False)]
        gone = [name for name in sorted(expected) if generator.random() < 0.2 and name not in names]
        store.commit([row(*one) for one in zip(names, vectors, strict=True)], removed=gone)
        for name in gone:
            del expected[name]
        for name, vector in zip(names, vectors, strict=True):
            expected.pop(name, None)  # a changed row is the last one
            expected[name] = vector
        if step % 7 == 0:
            assert store.compact() == (store.header.generation > 1 or step > 0)
        bundle = read_bundle(store.folder)
        assert bundle.catalog.ids == tuple(expected)
        np.testing.assert_array_equal(bundle.embeddings, np.stack(list(expected.values())))
        assert [one.instrument_id for one in bundle.catalog] == list(expected)
        assert bundle.catalog[1] == bundle.catalog.by_id(bundle.catalog.ids[1])
        assert len(store) == len(bundle.catalog) == len(expected)


def test_what_a_killed_writer_appended_is_written_over(store: RowStore) -> None:
    first, second = unit_vectors(np.random.default_rng(0), 2, 8)
    store.commit([row("a", first)])
    with vectors_path(store.folder, store.header).open("ab") as file:
        file.write(b"half a vector")
    assert len(read_bundle(store.folder).catalog) == 1
    store.commit([row("b", second)])
    np.testing.assert_array_equal(read_bundle(store.folder).embeddings, [first, second])


def test_rows_and_records_of_files_come_and_go_together(store: RowStore) -> None:
    (vector,) = unit_vectors(np.random.default_rng(0), 1, 8)
    record = FileRecord("/kit/a.wav", 3, 5, "content", "labels")
    store.commit([row("a", vector, "/kit/a.wav")], files=[record])
    assert store.file("/kit/a.wav") == record
    assert [one.path for one in store.files_under("/kit/")] == ["/kit/a.wav"]
    assert list(store.files_under("/kit2/")) == []
    assert [one.instrument.instrument_id for one in store.rows_of("/kit/a.wav")] == ["a"]
    found = store.made_of("digest of a")
    assert found is not None
    np.testing.assert_array_equal(found.vector, vector)
    before = stamp(store.folder)
    store.commit(removed=["a"], forgotten=["/kit/a.wav"])
    assert stamp(store.folder) != before
    assert (store.file("/kit/a.wav"), store.made_of("digest of a"), len(store)) == (None, None, 0)


def test_another_family_leaves_where_a_sound_came_from_and_how_it_sounds(store: RowStore) -> None:
    vectors = unit_vectors(np.random.default_rng(0), 200, 8)
    changed = next(v for v in vectors if not np.array_equal(check_embeddings(v[None], 8)[0], v))
    store.commit([row("a", changed, "/kit/a.wav")])
    before = store.row("a")
    add_instruments(store.folder, [instrument("a", "organ")], changed[None], {}, {})
    store.refresh()
    after = store.row("a")
    assert before is not None and after is not None
    assert after.instrument.family == "organ"
    assert after.origin == replace(before.origin, is_edited=True)
    np.testing.assert_array_equal(after.vector, changed)
    other = unit_vectors(np.random.default_rng(1), 1, 8)
    add_instruments(store.folder, [instrument("a", "organ")], other, {}, {})
    store.refresh()
    replaced = store.row("a")
    assert replaced is not None and replaced.origin == Origin()


def _few_pages(tables: sqlite3.Connection, spare: int) -> None:
    """Let a file grow by a few pages only, as on a full disk."""
    (n_pages,) = tables.execute("PRAGMA page_count").fetchone()
    tables.execute(f"PRAGMA max_page_count = {n_pages + spare}")


def test_a_full_disk_is_said_and_leaves_the_rows_before(store: RowStore) -> None:
    vectors = unit_vectors(np.random.default_rng(0), 2_000, 8)
    store.commit([row("a", vectors[0])])
    _few_pages(store._tables, 4)
    many = [row(f"i-{number}", vector) for number, vector in enumerate(vectors)]
    with pytest.raises(StorageError, match="disk is full"), writing(store.folder):
        store.commit(many)
    assert store.ids() == ["a"]
    store.commit([row("b", vectors[1])])
    assert read_bundle(store.folder).catalog.ids == ("a", "b")


@pytest.mark.slow
@pytest.mark.parametrize("fails", ["rows", "vectors", "header"])
def test_a_compaction_that_fails_leaves_the_store_as_it_was(
    store: RowStore, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    vectors = unit_vectors(np.random.default_rng(0), 2_000, 8)
    store.commit([row(f"i-{number}", vector) for number, vector in enumerate(vectors)])
    store.commit(removed=["i-0"])
    connect = row_store._connect

    def connect_to_full_disk(path: Path) -> sqlite3.Connection:
        tables = connect(path)
        _few_pages(tables, 40)
        return tables

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        if fails == "rows":
            patched.setattr(row_store, "_connect", connect_to_full_disk)
        else:
            name = {"vectors": "_copy_vectors", "header": "write_store_header"}[fails]
            patched.setattr(row_store, name, fail)
        with pytest.raises(StorageError, match="disk is full"), writing(store.folder):
            store.compact()
    assert list(store.folder.glob("*-2.*")) == []
    assert len(store) == len(read_bundle(store.folder).catalog) == 1_999
    assert store.compact()
    assert len(store) == len(read_bundle(store.folder).catalog) == 1_999


@pytest.mark.parametrize("damage", ["no rows", "no table", "short vectors", "no header"])
def test_damage_is_said_in_one_sentence(store: RowStore, damage: str) -> None:
    store.commit([row("a", unit_vectors(np.random.default_rng(0), 1, 8)[0])])
    store.close()
    rows = rows_path(store.folder, store.header)
    if damage == "no rows":
        rows.unlink()
    elif damage == "no table":
        rows.write_bytes(b"no SQLite at all" * 100)
    elif damage == "short vectors":
        vectors_path(store.folder, store.header).write_bytes(b"1234")
    else:
        (store.folder / "database.json").write_text('{"format_version": 2}')
    with pytest.raises(DatabaseError, match="restore the folder"):
        read_bundle(store.folder)
