"""The exact index: the rows themselves, compared one by one.

It has nothing to build and nothing that could be out of date. The embeddings may be mapped into
memory: only the rows of a search are read. A family whose rows follow each other is compared where
it lies; others are gathered in small pieces.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from cir.index.columns import ANY, Columns, Rows, Wanted, column_of
from cir.index.vectors import Vectors
from cir.types import FloatArray, Instrument

_GATHERED_ROWS = 4_096
"""These rows fit into a processor's cache."""

_ROUNDING = 1e-5
"""Single precision may be off by this much; what is so near to the last candidate is one too."""


class ExactIndex:
    """Compares a query with every row that passes the filters, in single precision.

    Args:
        instruments: N rows.
        embeddings: (N, D), unit norm; not copied.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        embeddings: FloatArray,
        columns: Columns | None = None,
    ) -> None:
        self._use(instruments, embeddings, columns or Columns(instruments))

    def _use(
        self, instruments: Sequence[Instrument], embeddings: FloatArray, columns: Columns
    ) -> None:
        self.instruments, self.embeddings, self.columns = instruments, embeddings, columns
        self._ids: tuple[str, ...] | None = None

    def upsert(self, instruments: Sequence[Instrument], embeddings: FloatArray) -> None:
        """See `VectorIndex`."""
        rows = {one.instrument_id: (one, row) for one, row in self._pairs()}
        rows |= {
            one.instrument_id: (one, row) for one, row in zip(instruments, embeddings, strict=True)
        }
        self._keep(rows.values())

    def delete(self, instrument_ids: Iterable[str]) -> None:
        """See `VectorIndex`."""
        gone = set(instrument_ids)
        self._keep(pair for pair in self._pairs() if pair[0].instrument_id not in gone)

    def search(
        self,
        query: FloatArray,
        count: int,
        family: str | None = None,
        filters: Wanted = ANY,
    ) -> Vectors:
        """See `VectorIndex`."""
        return self.at(self.nearest_of(query, count, self.columns.rows(family, filters)))

    def nearest_of(self, query: FloatArray, count: int, rows: Rows) -> Rows:
        """Return those of the rows that are nearest to a query, see `VectorIndex.search`."""
        similarities = self._compare(query, rows)
        if count < len(rows):
            limit = np.partition(similarities, -count)[-count]
            rows = rows[similarities >= limit - _ROUNDING]
        return rows

    def count(self, family: str | None = None, filters: Wanted = ANY) -> int:
        """See `VectorIndex`."""
        return len(self.columns.rows(family, filters))

    def snapshot(self) -> Vectors:
        """See `VectorIndex`."""
        order = sorted(range(len(self.ids)), key=self.ids.__getitem__)
        return self.at(np.array(order, np.intp))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all rows, in order."""
        if self._ids is None:
            self._ids = tuple(str(name) for name in column_of(self.instruments, "instrument_id"))
        return self._ids

    def at(self, rows: Rows) -> Vectors:
        """Return some rows."""
        return Vectors(tuple(self.instruments[row] for row in rows.tolist()), self.embeddings[rows])

    def _compare(self, query: FloatArray, rows: Rows) -> FloatArray:
        similarities = np.empty(len(rows), np.float32)
        if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
            return np.matmul(self.embeddings[rows[0] : rows[-1] + 1], query, out=similarities)
        for start in range(0, len(rows), _GATHERED_ROWS):
            piece = slice(start, start + _GATHERED_ROWS)
            np.matmul(self.embeddings[rows[piece]], query, out=similarities[piece])
        return similarities

    def _pairs(self) -> Iterable[tuple[Instrument, FloatArray]]:
        return zip(self.instruments, self.embeddings, strict=True)

    def _keep(self, pairs: Iterable[tuple[Instrument, FloatArray]]) -> None:
        kept = sorted(pairs, key=lambda pair: pair[0].instrument_id)
        instruments = tuple(one for one, _ in kept)
        rows = [row for _, row in kept]
        embeddings = np.stack(rows) if rows else self.embeddings[:0]
        self._use(instruments, embeddings, Columns(instruments))
