"""The index of large databases: faiss finds candidates family by family.

Each large family has an inverted file of its own (IVF, Jégou et al. 2011), so that its filter costs
nothing. Rows are stored with 8 bits per dimension, a quarter of their size.

Small families, and filters that few rows pass, are left to the exact index, which loses nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cir.errors import DatabaseError
from cir.index.columns import ANY, Rows, Wanted
from cir.index.exact_index import ExactIndex
from cir.index.vectors import Vectors
from cir.types import FloatArray, Instrument, Progress

EXACT_ROWS = 20_000
"""As many rows that pass a filter are compared one by one."""

_FAMILY_ROWS = 4_000
"""A family of more rows has a file of its own."""

_PROBED, _PROBED_IN_FAMILY = 0.1, 0.5
"""Share of a file's lists that are read, twice as many where a filter holds. In one family what is
searched for is an answer about a mixture: these lie apart from notes, and their nearest rows are
spread over many lists."""

_LEAST_PROBED = 32

_TRAINED_ROWS = 64
"""Rows per list from which its centre is found."""

_SPARE = 20

_Keys = NDArray[np.int64]


class FaissIndex:
    """An approximate index over the rows of an exact one.

    Made by `build` or `read`.
    """

    def __init__(self, exact: ExactIndex, files: Mapping[str | None, Any]) -> None:
        self._files = dict(files)
        self._follow(exact)

    @classmethod
    def build(cls, exact: ExactIndex, progress: Progress | None = None) -> "FaissIndex":
        """Make the files of all large families.

        Raises:
            DatabaseError: faiss is not installed.
        """
        made = cls(exact, {})
        families: list[str | None] = [None, *sorted(exact.columns.families())]
        done, total = 0, max(1, len(exact.instruments))
        for family in families:
            rows = made._rows_of(family)
            if len(rows) > _FAMILY_ROWS:
                made._files[family] = made._train(rows)
                made._add(family, rows)
            done += len(rows)
            if progress is not None:
                progress(done / total, "Building the index")
        return made

    def write(self, folder: Path) -> None:
        """Store the files in a folder."""
        faiss = _faiss()
        for family, file in self._files.items():
            faiss.write_index(file, str(folder / f"{family or 'none'}.faiss"))

    @classmethod
    def read(cls, folder: Path, exact: ExactIndex) -> "FaissIndex":
        """Read what `write` stored for the same rows.

        Raises:
            DatabaseError: A file cannot be read, or faiss is not installed.
        """
        faiss = _faiss()
        files: dict[str | None, Any] = {}
        try:
            for path in sorted(folder.glob("*.faiss")):
                family = None if path.stem == "none" else path.stem
                files[family] = faiss.read_index(str(path))
        except (OSError, ValueError, RuntimeError) as error:
            raise DatabaseError(f"The index {folder} cannot be read ({error}).") from None
        return cls(exact, files)

    def upsert(self, instruments: Sequence[Instrument], embeddings: FloatArray) -> None:
        """See `VectorIndex`."""
        self.exact.upsert(instruments, embeddings)
        self.follow(self.exact, (one.instrument_id for one in instruments))

    def delete(self, instrument_ids: Iterable[str]) -> None:
        """See `VectorIndex`."""
        gone = set(instrument_ids)
        self.exact.delete(gone)
        self.follow(self.exact, gone)

    def follow(self, exact: ExactIndex, changed: Iterable[str]) -> None:
        """Go over to other rows, which differ in the instruments of some ids only."""
        self._follow(exact)
        keys = _keys_of(changed)
        chosen = _faiss().IDSelectorBatch(keys)
        rows = self._rows_with(keys)
        for family, file in self._files.items():
            file.remove_ids(chosen)
            self._add(family, np.intersect1d(rows, self._rows_of(family)))

    def search(
        self,
        query: FloatArray,
        count: int,
        family: str | None = None,
        filters: Wanted = ANY,
    ) -> Vectors:
        """See `VectorIndex`."""
        passing = self.exact.count(family, filters)
        if passing <= EXACT_ROWS or (family is not None and family not in self._files):
            return self.exact.search(query, count, family, filters)
        share = _PROBED if family is None else _PROBED_IN_FAMILY
        searched = self._files if family is None else {family: self._files[family]}
        rows = [self._probe(file, query, count, filters, share) for file in searched.values()]
        if family is None:
            rows.append(self.exact.nearest_of(query, count, self._left_out(filters)))
        return self.exact.at(np.unique(np.concatenate(rows)))

    def count(self, family: str | None = None, filters: Wanted = ANY) -> int:
        """See `VectorIndex`."""
        return self.exact.count(family, filters)

    def snapshot(self) -> Vectors:
        """See `VectorIndex`."""
        return self.exact.snapshot()

    def _follow(self, exact: ExactIndex) -> None:
        self.exact = exact
        self._key_of_row = _keys_of(exact.ids)
        self._order = np.argsort(self._key_of_row)
        self._keys = self._key_of_row[self._order]
        self._selectors: dict[Wanted, Any] = {}
        self._small: dict[Wanted, Rows] = {}
        if (np.diff(self._keys) == 0).any():
            raise DatabaseError("Two ids have the same key; the exact search serves this database.")

    def _probe(
        self, file: Any, query: FloatArray, count: int, filters: Wanted, share: float
    ) -> Rows:
        selector = None if filters == ANY else self._selector(filters)
        probed = max(_LEAST_PROBED, round(file.nlist * share * (1 if selector is None else 2)))
        parameters = _faiss().SearchParametersIVF(sel=selector, nprobe=min(probed, file.nlist))
        _, found = file.search(query[np.newaxis], count + _SPARE, params=parameters)
        return self._rows_with(found[0][found[0] >= 0])

    def _selector(self, filters: Wanted) -> Any:
        """Return what lets rows pass a filter."""
        if filters not in self._selectors:
            rows = self.exact.columns.rows(None, filters)
            self._selectors[filters] = _faiss().IDSelectorBatch(self._key_of_row[rows])
        return self._selectors[filters]

    def _left_out(self, filters: Wanted) -> Rows:
        """Return the rows that pass and are in no file."""
        if filters not in self._small:
            rows = self.exact.columns.rows(None, filters)
            for family in self._files:
                rows = np.setdiff1d(rows, self._rows_of(family), assume_unique=True)
            self._small[filters] = rows
        return self._small[filters]

    def _rows_of(self, family: str | None) -> Rows:
        columns = self.exact.columns
        return columns.rows(family) if family else np.flatnonzero(~columns.with_family())

    def _rows_with(self, keys: _Keys) -> Rows:
        """Return the rows of those keys that are here, rising."""
        if not len(self._keys):
            return np.empty(0, np.intp)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.sort(self._order[places[self._keys[places] == keys]])

    def _train(self, rows: Rows) -> Any:
        faiss = _faiss()
        lists = max(1, round(2 * np.sqrt(len(rows))))
        width = int(self.exact.embeddings.shape[1])
        file = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(width),
            width,
            lists,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # residuals of centres would need more than 8 bits
        )
        file.cp.spherical = True
        step = max(1, len(rows) // (_TRAINED_ROWS * lists))
        file.cp.max_points_per_centroid = _TRAINED_ROWS
        file.train(self.exact.embeddings[rows[::step]])
        return file

    def _add(self, family: str | None, rows: Rows, piece: int = 50_000) -> None:
        for start in range(0, len(rows), piece):
            some = rows[start : start + piece]
            self._files[family].add_with_ids(self.exact.embeddings[some], self._key_of_row[some])


def _keys_of(instrument_ids: Iterable[str]) -> _Keys:
    """Return a number of 63 bits for each id."""
    digests = [hashlib.blake2b(one.encode(), digest_size=8).digest() for one in instrument_ids]
    return np.frombuffer(b"".join(digests), np.int64) & np.int64(2**63 - 1)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise DatabaseError(
            "The index of a large database needs faiss: pip install 'cir-instruments[scale]'."
        ) from None
    return faiss
