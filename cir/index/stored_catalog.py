"""The catalogue of a store: rows are read when they are asked for."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from cir.errors import DatabaseError, InputError
from cir.index.row_store import (
    INSTRUMENT_COLUMNS,
    RESTORE,
    STATE_QUERY,
    State,
    StoreHeader,
    connect_readers,
)
from cir.instruments.catalog import COLUMNS, Catalog
from cir.instruments.families import check_families
from cir.types import Instrument

_COLUMNS = ", ".join(INSTRUMENT_COLUMNS)
_FETCHED_AT_ONCE = 4_096


class StoredCatalog(Catalog):
    """The rows of one version of a store, in the order of addition.

    Later commits change nothing of it. It may be used from several threads, and after a fork.

    Args:
        folder: Of the store.
        header: Its header.

    Raises:
        DatabaseError: The tables are missing or damaged.
    """

    def __init__(self, folder: Path, header: StoreHeader) -> None:
        self._folder = folder
        self._header = header
        self._lock = threading.Lock()
        self._connections: dict[int, sqlite3.Connection] = {}
        self.state = State(*self._fetch_one(STATE_QUERY))
        version = self.state.version
        (dead,) = self._fetch_one("SELECT count(*) FROM rows WHERE died <= ?", version)
        self._length = self.state.n_slots - int(dead)

    @property
    def _lives(self) -> str:
        n_slots, version = self.state.n_slots, self.state.version
        return f"(slot < {n_slots} AND (died IS NULL OR died > {version}))"

    @cached_property
    def slots(self) -> NDArray[np.int64] | None:
        """The slot of each row, (N,); None if they are 0 to N - 1."""
        if self._length == self.state.n_slots:
            return None
        found = self._fetch(f"SELECT slot FROM rows WHERE {self._lives} ORDER BY slot")
        return np.fromiter((slot for (slot,) in found), np.int64, self._length)

    @overload
    def __getitem__(self, index: int) -> Instrument: ...
    @overload
    def __getitem__(self, index: slice) -> Catalog: ...
    def __getitem__(self, index: int | slice) -> Instrument | Catalog:
        if isinstance(index, slice):
            return Catalog(self[row] for row in range(*index.indices(len(self))))
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(f"There are {len(self)} instruments, none has the number {index}.")
        slot = row if self.slots is None else int(self.slots[row])
        return Instrument(*self._fetch_one(f"SELECT {_COLUMNS} FROM rows WHERE slot = ?", slot))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Instrument]:
        query = f"SELECT {_COLUMNS} FROM rows WHERE {self._lives} AND slot >= ? ORDER BY slot"
        return (Instrument(*values) for values in self._stream(query))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash((self.state, self._header))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all rows, in order."""
        return tuple(str(name) for name in self.column("instrument_id"))

    def column(self, name: str) -> list[str | None]:
        """Return one column of all rows, in order."""
        if name not in COLUMNS:
            raise InputError(f"The catalogue has no column {name!r}; it has {', '.join(COLUMNS)}.")
        query = f"SELECT {name} FROM rows WHERE {self._lives} ORDER BY slot"
        return [value for (value,) in self._fetch(query)]

    def by_id(self, instrument_id: str) -> Instrument:
        """See `Catalog.by_id`."""
        query = f"SELECT {_COLUMNS} FROM rows WHERE instrument_id = ? AND {self._lives}"
        found = self._fetch(query, instrument_id)
        if not found:
            raise InputError(f"None of the {len(self)} instruments has the id {instrument_id!r}.")
        return Instrument(*found[0])

    def filter(
        self, *, family: str | None = None, bank: str | None = None, source: str | None = None
    ) -> Catalog:
        """See `Catalog.filter`."""
        if family is not None:
            (family,) = check_families([family])
        given = {"family": family, "bank": bank, "source": source}
        wanted = {name: value for name, value in given.items() if value is not None}
        conditions = " AND ".join([self._lives, *(f"{name} = ?" for name in wanted)])
        query = f"SELECT {_COLUMNS} FROM rows WHERE {conditions} ORDER BY slot"
        return Catalog(Instrument(*values) for values in self._fetch(query, *wanted.values()))

    def original_of(self, instrument_id: str) -> Path | None:
        """Return the sound file on this machine that a row was made of, if it is there."""
        query = f"SELECT file FROM rows WHERE instrument_id = ? AND has_original AND {self._lives}"
        found = self._fetch(query, instrument_id)
        path = Path(found[0][0]) if found else None
        return path if path is not None and path.is_file() else None

    def digests(self) -> dict[str, str]:
        """Return what each row was made of, by id, where that is known."""
        query = f"SELECT instrument_id, made_of FROM rows WHERE made_of != '' AND {self._lives}"
        return dict(self._fetch(query))

    def places(self) -> list[tuple[float | None, float | None]]:
        """Return the stored places on the map of all rows, in order."""
        return self._fetch(f"SELECT x, y FROM rows WHERE {self._lives} ORDER BY slot")

    def _stream(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Fetch rows in order, a few thousand at a time, without holding the tables meanwhile."""
        query = query.replace(f"SELECT {_COLUMNS}", f"SELECT slot, {_COLUMNS}")
        start = 0
        while found := self._fetch(f"{query} LIMIT {_FETCHED_AT_ONCE}", start):
            yield from (values for _, *values in found)
            start = found[-1][0] + 1

    def _fetch(self, query: str, *values: Any) -> list[Any]:
        try:
            with self._lock:
                return self._connection().execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise DatabaseError(
                f"The tables of {self._folder} cannot be read ({error}); {RESTORE}."
            ) from None

    def _fetch_one(self, query: str, *values: Any) -> tuple[Any, ...]:
        (found,) = self._fetch(query, *values)
        row: tuple[Any, ...] = found
        return row

    def _connection(self) -> sqlite3.Connection:
        """Return the connection of this process; those of SQLite do not survive a fork."""
        if os.getpid() not in self._connections:
            self._connections[os.getpid()] = connect_readers(self._folder, self._header)
        return self._connections[os.getpid()]
