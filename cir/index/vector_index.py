"""What every index of embeddings can do, whichever rows it compares with a query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cir.instruments.catalog import Catalog
from cir.types import FloatArray, Instrument


@dataclass(frozen=True)
class Filters:
    """Which instruments may be found; None lets all pass."""

    bank: str | None = None
    source: str | None = None

    def passes(self, instrument: Instrument) -> bool:
        """Whether an instrument may be found."""
        return self.bank in (None, instrument.bank) and self.source in (None, instrument.source)


ANY = Filters()


class VectorIndex(Protocol):
    """Embeddings of instruments, from which a search takes its candidates.

    `cir.index.ranking.Ranking` compares the candidates exactly, so an index may be approximate in
    which rows it returns, never in a figure.
    """

    def __len__(self) -> int:
        """Return the number of rows."""

    def add(self, instruments: Sequence[Instrument], embeddings: FloatArray) -> None:
        """Add rows, (M, D) of unit norm, in place of those with the same ids."""

    def delete(self, instrument_ids: Iterable[str]) -> None:
        """Remove rows.

        Raises:
            InputError: There is no row with one of these ids.
        """

    def search(
        self,
        query: FloatArray,
        family: str | None = None,
        filters: Filters = ANY,
        rows: NDArray[np.intp] | None = None,
    ) -> NDArray[np.intp]:
        """Return the rows of `snapshot` that can be near a query, in rising order.

        Args:
            query: (D,), unit norm.
            family: Only this family; None for all rows.
            filters: Only rows that pass.
            rows: Only these rows, whatever their family, in rising order.
        """

    def snapshot(self) -> tuple[Catalog, FloatArray]:
        """Return all rows as they are now: their instruments and embeddings, (N, D)."""
