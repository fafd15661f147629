"""What an index does: it keeps vectors of instruments, and finds those that are near to a query.

An index may answer with too many, or miss one now and then. `cir.index.exact_search` compares what
comes back in double precision, so scores and order never depend on the index.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cir.index.columns import ANY, Wanted
from cir.types import FloatArray, Instrument


@dataclass(frozen=True, eq=False)
class Vectors:
    """Instruments and their embeddings."""

    instruments: Sequence[Instrument]
    embeddings: FloatArray
    """(M, D), unit norm, parallel to `instruments`."""


class VectorIndex(Protocol):
    """Interface of `ExactIndex`, `FaissIndex` and `ChromaIndex`."""

    def upsert(self, instruments: Sequence[Instrument], embeddings: FloatArray) -> None:
        """Add instruments, or replace those whose id is here; embeddings are (M, D), unit norm."""

    def delete(self, instrument_ids: Iterable[str]) -> None:
        """Remove instruments; ids that are not here are ignored."""

    def search(
        self,
        query: FloatArray,
        count: int,
        family: str | None = None,
        filters: Wanted = ANY,
    ) -> Vectors:
        """Return at least the `count` nearest instruments that pass the filters, in any order.

        Fewer come back where fewer pass.

        Args:
            query: (D,), unit norm.
            count: At least 1.
            family: Only this family.
            filters: Only these.
        """

    def count(self, family: str | None = None, filters: Wanted = ANY) -> int:
        """Return how many instruments pass the filters."""

    def snapshot(self) -> Vectors:
        """Return everything, in order of id: what any other index can be made of."""
