"""How the candidates of one query rank: searches, chances, truth and timelines are views of it."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from cir.errors import InputError
from cir.index.bundle import Bundle
from cir.index.exact import best_rows
from cir.metrics import target_ranks
from cir.types import Instrument, Match


@dataclass(frozen=True, eq=False)
class Ranking:
    """The candidates of one query, and how near each is to it.

    `top` lists equal scores in order of id. `rank_of` counts them against the instrument that is
    asked for, as every accuracy of an evaluation does (`cir.metrics.target_ranks`).
    """

    bundle: Bundle
    rows: NDArray[np.intp]
    """Rows of the bundle that are candidates, (N,)."""
    scores: NDArray[np.float64]
    """Cosine similarity of each candidate, in double precision, (N,); for the embedding of a
    mixture, less the candidate's hub penalty (`cir.index.hubness`)."""

    def __len__(self) -> int:
        return len(self.rows)

    def top(self, k: int) -> list[Match]:
        """Return the `k` best matches, or all candidates where there are fewer.

        Raises:
            InputError: `k` is not a whole number of at least 1.
        """
        if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
            raise InputError(f"top_k must be a whole number of at least 1, not {k!r}.")
        best = best_rows(self.scores, int(k), self._id)
        return [self._match(position, rank) for rank, position in enumerate(best, start=1)]

    def best(self) -> Match | None:
        """Return the first match, if there is a candidate."""
        return next(iter(self.top(1)), None)

    def rank_of(self, instrument_id: str) -> int:
        """Return the rank of a candidate, from 1, behind all that equal it.

        Raises:
            InputError: The instrument is no candidate.
        """
        return int(target_ranks(self.scores[None], [self._position(instrument_id)])[0])

    def match_of(self, instrument_id: str) -> Match:
        """Return a candidate with its rank, see `rank_of`."""
        return self._match(self._position(instrument_id), self.rank_of(instrument_id))

    def only(self, keep: Callable[[Instrument], bool]) -> "Ranking":
        """Return the ranking of those candidates that `keep` accepts."""
        kept = np.array(
            [keep(self._instrument(position)) for position in range(len(self))], dtype=bool
        )
        return Ranking(self.bundle, self.rows[kept], self.scores[kept])

    def _instrument(self, position: int) -> Instrument:
        return self.bundle.catalog[int(self.rows[position])]

    def _id(self, position: int) -> str:
        return self._instrument(position).instrument_id

    def _position(self, instrument_id: str) -> int:
        for position in range(len(self)):
            if self._id(position) == instrument_id:
                return position
        raise InputError(f"{instrument_id!r} is none of the {len(self)} candidates of this search.")

    def _match(self, position: int, rank: int) -> Match:
        instrument = self._instrument(position)
        preview, phrase = self.bundle.sounds_of(instrument.instrument_id)
        return Match(rank, float(self.scores[position]), instrument, preview, phrase=phrase)
