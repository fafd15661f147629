"""What a method answered: how similar every candidate is to every query."""

from dataclasses import dataclass

import numpy as np

from cir.metrics import IntArray, target_ranks
from cir.types import FloatArray

ABSENT = -1
"""The target of a query that has no right answer among the candidates."""


@dataclass(frozen=True, eq=False)
class Answers:
    """All queries for one family, against the reference notes of that family."""

    family: str
    candidates: tuple[str, ...]
    """Instrument ids, N."""
    similarities: FloatArray
    """Cosines, (Q, N)."""
    targets: IntArray
    """Column of the right candidate, `ABSENT` where the family does not play, (Q,)."""
    mixtures: IntArray
    """Number of the mixture that each query is about, (Q,)."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def instruments(self) -> tuple[str, ...]:
        """Right instrument ids; empty text where there is none."""
        return tuple(self.candidates[row] if row != ABSENT else "" for row in self.targets)

    @property
    def ranks(self) -> IntArray:
        """Rank of each query's target, (Q,).

        Raises:
            InputError: Some query has none; see `present`.
        """
        return target_ranks(self.similarities, self.targets)

    def present(self) -> "Answers":
        """Only the queries that have a right answer."""
        return self.only(np.flatnonzero(self.targets != ABSENT))

    def absent(self) -> "Answers":
        """Only the queries that have none."""
        return self.only(np.flatnonzero(self.targets == ABSENT))

    def best(self, count: int) -> IntArray:
        """Columns of the most similar candidates, best first, ties by column, (Q, count)."""
        order = np.argsort(-self.similarities, axis=1, kind="stable")
        return order[:, :count].astype(np.int64)

    def only(self, rows: IntArray) -> "Answers":
        """Some of the queries, by number."""
        return Answers(
            self.family,
            self.candidates,
            self.similarities[rows],
            self.targets[rows],
            self.mixtures[rows],
        )
