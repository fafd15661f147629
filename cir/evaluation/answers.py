"""Answers of a method: the similarity of every candidate to every query."""

from dataclasses import dataclass

import numpy as np

from cir.metrics import IntArray, target_ranks
from cir.types import FloatArray

ABSENT = -1
"""Target of a query whose instrument is not among the candidates."""


@dataclass(frozen=True, eq=False)
class FamilyAnswers:
    """All queries for one family, against the references of that family."""

    family: str
    candidates: tuple[str, ...]
    """Instrument ids, N."""
    similarities: FloatArray
    """Cosines, (Q, N)."""
    targets: IntArray
    """Column of the right candidate, or `ABSENT` if the family does not play, (Q,)."""
    mixtures: IntArray
    """Number of each query's mixture, (Q,)."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def instruments(self) -> tuple[str, ...]:
        """Right instrument ids; an empty string for an absent one."""
        return tuple(self.candidates[row] if row != ABSENT else "" for row in self.targets)

    @property
    def ranks(self) -> IntArray:
        """Rank of each query's target, (Q,).

        Raises:
            InputError: The instrument of some query is absent; see `present`.
        """
        return target_ranks(self.similarities, self.targets)

    def present(self) -> "FamilyAnswers":
        """Return only the queries whose instrument is a candidate."""
        return self.only(np.flatnonzero(self.targets != ABSENT))

    def absent(self) -> "FamilyAnswers":
        """Return only the queries whose family does not play."""
        return self.only(np.flatnonzero(self.targets == ABSENT))

    def best(self, count: int) -> IntArray:
        """Return columns of the most similar candidates, best first, ties by column, (Q, count)."""
        order = np.argsort(-self.similarities, axis=1, kind="stable")
        return order[:, :count].astype(np.int64)

    def only(self, rows: IntArray) -> "FamilyAnswers":
        """Return some of the queries, chosen by number."""
        return FamilyAnswers(
            self.family,
            self.candidates,
            self.similarities[rows],
            self.targets[rows],
            self.mixtures[rows],
        )
