"""The working form of a database: rows in SQLite, vectors in one file that only grows.

    database.json              model, dimension and generation; replaced by a compaction alone
    rows-<generation>.sqlite   tables `rows`, `files` and `meta`
    vectors-<generation>.f32   little-endian float32, D a row, in the order of `rows.slot`

A commit appends its vectors, flushes them, and then ends one transaction of SQLite: before that
moment nobody sees anything of it, and after a crash the next writer overwrites what was appended.
What is committed never changes. A changed row gets a new slot, and the old one is marked with the
version at which it died, so that a reader keeps the rows of the version that it opened. `compact`
writes the living rows to a new generation of both files.

Writers hold `cir.index.bundle.locked`. Other programs can read the tables with any SQLite, and the
vectors with `numpy.memmap(path, "<f4").reshape(-1, D)`.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field

from cir.errors import DatabaseError, InputError
from cir.files import is_temporary, replacing
from cir.schema import read_json
from cir.types import FloatArray, Instrument

FORMAT_VERSION: Final = 2
HEADER_NAME = "database.json"

STATE_QUERY = "SELECT n_slots, version, store FROM meta"
INSTRUMENT_COLUMNS = tuple(field.name for field in fields(Instrument))
_BUSY_SECONDS = 60.0
_COPIED_AT_ONCE = 1 << 16
_COMPACT_ALWAYS = 200_000
"""Slots up to which a store with any dead row is compacted: it takes a second."""
_DEAD_SHARE = 0.05
"""Share of dead rows at which a larger store is compacted."""

_SCHEMA = f"""
CREATE TABLE rows (
    slot INTEGER PRIMARY KEY, died INTEGER,
    {", ".join(f"{name} TEXT" for name in INSTRUMENT_COLUMNS)},
    file TEXT NOT NULL, part TEXT NOT NULL, made_of TEXT NOT NULL,
    has_original INTEGER NOT NULL, is_edited INTEGER NOT NULL, x REAL, y REAL);
CREATE INDEX rows_id ON rows (instrument_id);
CREATE INDEX rows_file ON rows (file);
CREATE INDEX rows_made_of ON rows (made_of);
CREATE INDEX rows_died ON rows (died) WHERE died IS NOT NULL;
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content TEXT NOT NULL, labels TEXT NOT NULL, refusal TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX files_content ON files (content);
CREATE TABLE meta (n_slots INTEGER NOT NULL, version INTEGER NOT NULL, store TEXT NOT NULL);
"""


@dataclass(frozen=True)
class StoreHeader:
    """The content of `database.json`."""

    format_version: Literal[2]
    identity: str
    """Of the model that made the vectors."""
    dimension: Annotated[int, Field(ge=1)]
    generation: Annotated[int, Field(ge=1)]
    map_trustworthiness: float | None = None


@dataclass(frozen=True)
class Origin:
    """What a row was made of; readers do not need it."""

    file: str = ""
    """Path of the file, `archive!path` inside one, or the path that an upload came with."""
    part: str = ""
    """Which instrument of the file."""
    made_of: str = ""
    """Digest of all that its embedding depends on."""
    has_original: bool = False
    """Whether the file is a sound on this machine, of which a preview can be made when asked."""
    is_edited: bool = False
    """Whether a person changed the name or family that the file's name says."""


@dataclass(frozen=True, eq=False)
class Row:
    """A row with its vector."""

    instrument: Instrument
    vector: FloatArray
    """(D,), unit norm."""
    origin: Origin = Origin()
    place: tuple[float | None, float | None] = (None, None)
    """On the stored map, if it has one."""


@dataclass(frozen=True)
class FileRecord:
    """A file as it was when it was last read."""

    path: str
    size: int
    mtime_ns: int
    content: str
    """Digest."""
    labels: str
    """Digest of the labels and limits that it was read with."""
    refusal: str = ""
    """Why no row was made of it; empty if one was."""


@dataclass(frozen=True)
class State:
    """What a commit ends with."""

    n_slots: int
    version: int
    store: str
    """Id of the store."""


class RowStore:
    """A store that is written to.

    Args:
        folder: Its folder.
        header: Its header, if that is not written yet.

    Raises:
        DatabaseError: There is no store, or it is damaged.
    """

    def __init__(self, folder: Path, header: StoreHeader | None = None) -> None:
        self.folder = folder
        self._connection: sqlite3.Connection | None = None
        self._mapped: tuple[tuple[StoreHeader, int] | None, FloatArray | None] = (None, None)
        self.header = header or read_store_header(folder)
        self._open()

    @classmethod
    def create(cls, folder: Path, identity: str, dimension: int) -> None:
        """Make an empty store in an existing folder."""
        for leftover in filter(is_temporary, folder.iterdir()):
            leftover.unlink(missing_ok=True)
        header = StoreHeader(FORMAT_VERSION, identity, dimension, 1)
        cls.prepare(folder, header).close()
        write_store_header(folder, header)

    @classmethod
    def prepare(cls, folder: Path, header: StoreHeader) -> "RowStore":
        """Make a store that begins when its header is written (`write_store_header`)."""
        _create_files(folder, header, os.urandom(8).hex())
        return cls(folder, header)

    def refresh(self) -> None:
        """Open the present generation, if another process has compacted the store."""
        latest = read_store_header(self.folder)
        if latest != self.header:
            self.close()
            self.header = latest
            self._open()

    def close(self) -> None:
        """Close the tables."""
        self._mapped = (None, None)
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "RowStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> State:
        """The last commit."""
        return State(*self._one(STATE_QUERY))

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM rows WHERE died IS NULL")[0])

    def commit(
        self,
        rows: Sequence[Row] = (),
        *,
        removed: Iterable[str] = (),
        files: Iterable[FileRecord] = (),
        forgotten: Iterable[str] = (),
    ) -> None:
        """Write a change, all of it or nothing.

        Args:
            rows: New rows; one with the id of another takes its place.
            removed: Ids of rows that go.
            files: Records to write, in place of others of the same path.
            forgotten: Paths of records that go.
        """
        state = self.state
        version = state.version + 1
        self._append([row.vector for row in rows], state.n_slots)
        died = [(version, name) for name in removed]
        died += [(version, row.instrument.instrument_id) for row in rows]
        values = [
            (
                state.n_slots + number,
                None,
                *astuple(row.instrument),
                *astuple(row.origin),
                *row.place,
            )
            for number, row in enumerate(rows)
        ]
        with self._transaction() as tables:
            tables.executemany(
                "UPDATE rows SET died = ? WHERE instrument_id = ? AND died IS NULL", died
            )
            marks = ", ".join("?" * (len(INSTRUMENT_COLUMNS) + 9))
            tables.executemany(f"INSERT INTO rows VALUES ({marks})", values)
            tables.executemany("DELETE FROM files WHERE path = ?", [(one,) for one in forgotten])
            marks = ", ".join("?" * len(fields(FileRecord)))
            tables.executemany(
                f"INSERT OR REPLACE INTO files VALUES ({marks})", [astuple(one) for one in files]
            )
            tables.execute(
                "UPDATE meta SET n_slots = ?, version = ?", (state.n_slots + len(rows), version)
            )

    def compact(self, *, force: bool = False) -> bool:
        """Write the living rows anew if enough have died; return whether that was done.

        Where it fails, the store stays as it is, and nothing is left of the new files.
        """
        n_slots = self.state.n_slots
        dead = n_slots - len(self)
        few = n_slots > _COMPACT_ALWAYS and dead < _DEAD_SHARE * n_slots
        if not dead or (few and not force):
            return False
        new = StoreHeader(**{**asdict(self.header), "generation": self.header.generation + 1})
        try:
            with _damage(rows_path(self.folder, self.header)):
                self._copy_to(new, n_slots)
            write_store_header(self.folder, new)
        except BaseException:
            remove_generations(self.folder, read_store_header(self.folder))
            raise
        self.close()
        self.header = new
        self._open()
        remove_generations(self.folder, new)
        return True

    def row(self, instrument_id: str) -> Row | None:
        """Return the living row with an id."""
        return next(self._rows("instrument_id = ?", instrument_id), None)

    def rows_of(self, file: str) -> list[Row]:
        """Return the living rows that were made of a file."""
        return list(self._rows("file = ?", file))

    def count_of(self, file: str) -> int:
        """Return the number of living rows that were made of a file."""
        return int(self._one("SELECT count(*) FROM rows WHERE file = ? AND died IS NULL", file)[0])

    def has(self, instrument_id: str) -> bool:
        """Return whether there is a living row with an id."""
        query = "SELECT count(*) FROM rows WHERE instrument_id = ? AND died IS NULL"
        return bool(self._one(query, instrument_id)[0])

    def made_of(self, digest: str) -> Row | None:
        """Return a living row whose embedding depends on the same content."""
        return next(self._rows("made_of = ?", digest), None)

    def ids(self) -> list[str]:
        """Return the ids of the living rows, in the order of addition."""
        found = self._all("SELECT instrument_id FROM rows WHERE died IS NULL ORDER BY slot")
        return [str(name) for (name,) in found]

    def set_digests(self, digests: Mapping[str, str]) -> None:
        """Say what living rows were made of, by id."""
        with self._transaction() as tables:
            tables.executemany(
                "UPDATE rows SET made_of = ? WHERE instrument_id = ? AND died IS NULL",
                [(digest, name) for name, digest in digests.items()],
            )

    def file(self, path: str) -> FileRecord | None:
        """Return the record of a file."""
        return next(self._files("path = ?", path), None)

    def files_with(self, content: str) -> list[FileRecord]:
        """Return the records of all files of one content."""
        return list(self._files("content = ?", content))

    def files_under(self, folder: str) -> Iterator[FileRecord]:
        """Yield the records of files whose path begins with `folder`."""
        return self._files("path >= ? AND path < ?", folder, f"{folder}\U0010ffff")

    def _open(self) -> None:
        path = rows_path(self.folder, self.header)
        if not path.is_file():
            raise DatabaseError(f"The database {self.folder} lacks {path.name}; {RESTORE}.")
        self._connection = _connect(path)
        with _damage(path):
            self._tables.execute("SELECT n_slots FROM meta").fetchone()

    @property
    def _tables(self) -> sqlite3.Connection:
        assert self._connection is not None  # noqa: S101 - it is open until `close`
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _damage(rows_path(self.folder, self.header)):
            self._tables.execute("BEGIN IMMEDIATE")
            try:
                yield self._tables
                self._tables.execute("COMMIT")
            except BaseException:
                if self._tables.in_transaction:  # SQLite itself ends it where the disk is full
                    self._tables.execute("ROLLBACK")
                raise

    def _all(self, query: str, *values: Any) -> sqlite3.Cursor:
        return self._tables.execute(query, values)

    def _one(self, query: str, *values: Any) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._all(query, *values).fetchone()
        return found

    def _rows(self, condition: str, value: str) -> Iterator[Row]:
        found = self._all(
            f"SELECT * FROM rows WHERE {condition} AND died IS NULL ORDER BY slot", value
        )
        vectors = self._vectors(self.state.n_slots)
        n_columns = len(INSTRUMENT_COLUMNS)
        for slot, _, *values in found.fetchall():
            instrument = Instrument(*values[:n_columns])
            file, part, made_of, has_original, is_edited, x, y = values[n_columns:]
            origin = Origin(file, part, made_of, bool(has_original), bool(is_edited))
            yield Row(instrument, vectors[slot], origin, (x, y))

    def _files(self, condition: str, *values: str) -> Iterator[FileRecord]:
        found = self._all(f"SELECT * FROM files WHERE {condition}", *values)
        return (FileRecord(*one) for one in found.fetchall())

    def _vectors(self, n_slots: int) -> FloatArray:
        """Return the committed vectors, mapped anew only if there are more."""
        known, vectors = self._mapped
        if vectors is None or known != (self.header, n_slots):
            vectors = map_vectors(self.folder, self.header, n_slots)
            self._mapped = (self.header, n_slots), vectors
        return vectors

    def _append(self, vectors: Sequence[FloatArray], n_slots: int) -> None:
        if not vectors:
            return
        with vectors_path(self.folder, self.header).open("r+b") as file:
            file.truncate(n_slots * self.header.dimension * 4)  # what a killed writer left
            file.seek(0, os.SEEK_END)
            file.write(np.stack(vectors).astype("<f4").tobytes())
            file.flush()
            os.fsync(file.fileno())

    def _copy_to(self, new: StoreHeader, n_slots: int) -> None:
        """Write the files of another generation."""
        _create_files(self.folder, new, self.state.store)
        slots = np.fromiter(
            (slot for (slot,) in self._all("SELECT slot FROM rows WHERE died IS NULL ORDER BY 1")),
            np.int64,
        )
        _copy_vectors(self._vectors(n_slots), slots, vectors_path(self.folder, new))
        self._copy_rows(rows_path(self.folder, new))

    def _copy_rows(self, target: Path) -> None:
        """Copy the living rows to a new file, whose slots follow each other."""
        columns = "died, " + ", ".join(INSTRUMENT_COLUMNS)
        columns += ", file, part, made_of, has_original, is_edited, x, y"
        with closing(_connect(target)) as new:
            new.execute("ATTACH ? AS old", (str(rows_path(self.folder, self.header)),))
            new.execute("BEGIN")
            new.execute(
                f"INSERT INTO rows SELECT row_number() OVER (ORDER BY slot) - 1, {columns} "
                "FROM old.rows WHERE died IS NULL ORDER BY slot"
            )
            new.execute("INSERT INTO files SELECT * FROM old.files")
            new.execute(
                "UPDATE meta SET n_slots = (SELECT count(*) FROM rows), "
                "version = (SELECT version + 1 FROM old.meta)"
            )
            new.execute("COMMIT")


RESTORE = "restore the folder or add the sounds to a new database"


def is_store(folder: Path) -> bool:
    """Return whether a folder holds a store."""
    try:
        found = read_json(folder / HEADER_NAME, dict[str, Any])
    except InputError:
        return False
    return found.get("format_version") == FORMAT_VERSION


def read_store_header(folder: Path) -> StoreHeader:
    """Read `database.json` of a store.

    Raises:
        DatabaseError: It is no such file.
    """
    try:
        return read_json(folder / HEADER_NAME, StoreHeader)
    except InputError:
        raise DatabaseError(
            f"{folder / HEADER_NAME} is no header of a database; {RESTORE}."
        ) from None


def write_store_header(folder: Path, header: StoreHeader) -> None:
    """Replace `database.json`: from now on the store is that of another generation."""
    with replacing(folder / HEADER_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(header), indent=2) + "\n", encoding="utf-8")


def rows_path(folder: Path, header: StoreHeader) -> Path:
    """Return the path of the tables."""
    return folder / f"rows-{header.generation}.sqlite"


def vectors_path(folder: Path, header: StoreHeader) -> Path:
    """Return the path of the vectors."""
    return folder / f"vectors-{header.generation}.f32"


def map_vectors(folder: Path, header: StoreHeader, n_slots: int) -> FloatArray:
    """Map the committed vectors into memory, (n_slots, D), read-only.

    Raises:
        DatabaseError: The file is missing or too short.
    """
    path = vectors_path(folder, header)
    shape = (n_slots, header.dimension)
    try:
        if path.stat().st_size < 4 * n_slots * header.dimension:
            raise DatabaseError(
                f"{path} is cut off: it holds fewer than {n_slots:,} vectors; {RESTORE}."
            )
        if not n_slots:
            return np.zeros(shape, np.float32)
        return np.memmap(path, "<f4", "r", shape=shape)
    except OSError as error:
        raise DatabaseError(f"{path} cannot be read ({error.strerror}); {RESTORE}.") from None


def connect_readers(folder: Path, header: StoreHeader) -> sqlite3.Connection:
    """Open the tables for reading alone, from any thread.

    Raises:
        DatabaseError: They are missing.
    """
    path = rows_path(folder, header)
    if not path.is_file():
        raise DatabaseError(f"The database {folder} lacks {path.name}; {RESTORE}.")
    with _damage(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )


def remove_generations(folder: Path, kept: StoreHeader) -> None:
    """Remove the files of all generations but one, except those that Windows holds open."""
    for pattern, path in (
        ("rows-*.sqlite*", rows_path(folder, kept)),
        ("vectors-*.f32", vectors_path(folder, kept)),
    ):
        for one in folder.glob(pattern):
            if not one.name.startswith(path.name):
                try:
                    one.unlink()
                except OSError:
                    continue


def _create_files(folder: Path, header: StoreHeader, store: str) -> None:
    path = rows_path(folder, header)
    for leftover in (path, path.with_name(f"{path.name}-journal")):
        leftover.unlink(missing_ok=True)
    vectors_path(folder, header).write_bytes(b"")
    with _damage(path), closing(_connect(path)) as tables:
        tables.executescript(_SCHEMA)
        tables.execute("INSERT INTO meta VALUES (0, 0, ?)", (store,))


def _connect(path: Path) -> sqlite3.Connection:
    with _damage(path):
        return sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )


def _copy_vectors(vectors: FloatArray, slots: np.ndarray[Any, Any], target: Path) -> None:
    with target.open("wb") as out:
        for start in range(0, len(slots), _COPIED_AT_ONCE):
            out.write(vectors[slots[start : start + _COPIED_AT_ONCE]].astype("<f4").tobytes())
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Say in one sentence that SQLite cannot use a file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise OSError(28, str(error)) from error
        raise DatabaseError(f"{path} cannot be used ({error}); {RESTORE}.") from None
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path} is damaged ({error}); {RESTORE}.") from None
