"""Search of a database: every score is compared in double precision, whatever found it.

Comparing all 3 000 rows of the bundled database takes 0.3 ms on one core, 100 000 rows 12 ms. A
database with more rows has an index that finds candidates (`cir.index.vectors`).
"""

from abc import ABC, abstractmethod
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cir.index.bundle import Bundle
from cir.index.columns import Columns, Rows, Wanted
from cir.index.hubness import HubCohort
from cir.index.ranking import (
    Ranking,
    Shortlist,
    check_embeddings,
    check_query,
    cosine_similarities,
)
from cir.index.vectors import VectorIndex
from cir.instruments.families import check_families
from cir.types import FloatArray, Match


class ExactSearch(ABC):
    """Searches of one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._lock = RLock()
        self._use(bundle)

    def _use(self, bundle: Bundle) -> None:
        self._held: Bundle | None = bundle
        self._held_columns: Columns | None = None
        self._forget_fits()

    def _forget_fits(self) -> None:
        self._known_penalties: dict[str, tuple[Rows, FloatArray]] = {}

    @property
    def _bundle(self) -> Bundle:
        assert self._held is not None  # noqa: S101 - only a server's is read later
        return self._held

    @property
    def _columns(self) -> Columns:
        catalog = self._bundle.catalog
        if self._held_columns is None:
            self._held_columns = Columns(catalog)
        return self._held_columns

    @property
    @abstractmethod
    def hubs(self) -> HubCohort | None:
        """What corrects for hubs; None where nothing does."""

    def __len__(self) -> int:
        return len(self._bundle.catalog)

    def ranking(
        self,
        embedding: ArrayLike,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        words: str | None = None,
        of_mixture: bool = False,
        rows: NDArray[np.intp] | None = None,
        level_of: "ExactSearch | None" = None,
        best: int | None = None,
    ) -> Ranking:
        """Compare an embedding with every instrument that passes the filters.

        Args:
            embedding: (D,), any scale.
            family: Only this family; None for all instruments, also those without a family.
            bank: Only this bank.
            source: Only this source.
            words: Only instruments that have these words, see `cir.index.text_search.match_text`.
            of_mixture: The embedding is what a mixture answered for `family`: instruments that are
                near to every mixture get a penalty, see `hubs`.
            rows: The candidates before `bank` and `source`, in rising order, in place of all
                instruments of the family.
            level_of: Another database, whose hub cohort and mean nearness the penalty is measured
                by, so that its similarities can be compared with these; None for this one.
            best: How many of the best matches are needed: a large database then gives a ranking
                without the others, by its index. None for all.

        Raises:
            DatabaseError: The embedding has another dimension than the database.
            InputError: Any argument is out of range or unknown, or the embedding is no direction.
        """
        query = check_query(embedding, self.dimension)
        filters = Wanted(bank, source, words or None)
        if family is not None:
            (family,) = check_families([family])
        of_mixture = of_mixture and family is not None
        with self._lock:
            index = None if best is None or rows is not None or level_of else self._index()
            if index is not None and best is not None:
                return self._shortlist(index, query, family, filters, of_mixture, best)
            candidates = self._columns.rows(family) if rows is None else rows
            if rows is None:
                found = self._columns.rows(family, filters)
            else:
                found = self._columns.among(rows, filters)
            scores = cosine_similarities(self._bundle.embeddings, query, found)
            if of_mixture and family is not None:
                penalties = self._penalties(family, candidates, level_of or self)
                if found is not candidates:
                    penalties = penalties[np.searchsorted(candidates, found)]
                scores -= penalties
            return Ranking(self._bundle, found, scores)

    def search(
        self,
        embedding: ArrayLike,
        top_k: int = 5,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        of_mixture: bool = False,
    ) -> list[Match]:
        """Return the `top_k` instruments most similar to an embedding, best first.

        Equals are in order of id; fewer come back if fewer pass the filters. Arguments and errors
        as in `ranking`.
        """
        ranking = self.ranking(
            embedding, family, bank=bank, source=source, of_mixture=of_mixture, best=top_k
        )
        return ranking.top(top_k)

    def similarities(
        self,
        embedding: ArrayLike,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        of_mixture: bool = False,
    ) -> NDArray[np.float64]:
        """Return the scores of `ranking`, in the order of `instruments`, (N,)."""
        return self.ranking(
            embedding, family, bank=bank, source=source, of_mixture=of_mixture
        ).scores

    def search_many(
        self,
        embeddings: ArrayLike,
        top_k: int = 5,
        family: str | None = None,
        *,
        bank: str | None = None,
        source: str | None = None,
        words: str | None = None,
        of_mixture: bool = False,
    ) -> list[list[Match]]:
        """Do as `search` for many embeddings, (Q, D)."""
        queries = check_embeddings(embeddings, self.dimension)
        rankings = (
            self.ranking(
                query,
                family,
                bank=bank,
                source=source,
                words=words,
                of_mixture=of_mixture,
                best=top_k,
            )
            for query in queries
        )
        return [ranking.top(top_k) for ranking in rankings]

    @property
    def dimension(self) -> int:
        """Length D of the embeddings."""
        return self._bundle.header.dimension

    def _index(self) -> VectorIndex | None:
        """Return what finds candidates; None where comparing all of them is as fast."""
        return None

    def _shortlist(
        self,
        index: VectorIndex,
        query: FloatArray,
        family: str | None,
        filters: Wanted,
        of_mixture: bool,
        best: int,
    ) -> Ranking:
        """Rank what an index found."""
        found = index.search(query, best, family, filters, of_mixture=of_mixture)
        scores = cosine_similarities(found.embeddings, query)
        hubs = self.hubs
        if of_mixture and family is not None and hubs is not None:
            ids = [one.instrument_id for one in found.instruments]
            scores -= hubs.bias(found.embeddings, ids, family, index.level(family))
        shortlist = Shortlist(found.instruments, found.embeddings, self._sounds_of)
        return Ranking(shortlist, np.arange(len(scores)), scores, is_complete=False)

    def _penalties(
        self, family: str, candidates: NDArray[np.intp], level_of: "ExactSearch"
    ) -> FloatArray:
        """Return the hub penalty of each candidate for a family, parallel to them."""
        known = self._known_penalties.get(family)
        if level_of is self and known is not None and np.array_equal(known[0], candidates):
            return known[1]
        penalties = np.zeros(len(candidates), np.float32)
        hubs = level_of.hubs
        if hubs is not None:
            embeddings = self._bundle.embeddings[candidates]
            if level_of is self:
                ids = self._ids_of(candidates)
                penalties = hubs.bias(embeddings, ids, family)
            else:
                theirs = level_of._columns.rows(family)
                level = hubs.level(
                    level_of._bundle.embeddings[theirs],
                    level_of._ids_of(theirs),
                    family,
                )
                # An instrument of ours may happen to have the id of one of theirs.
                ids = [""] * len(candidates)
                penalties = hubs.bias(embeddings, ids, family, level)
        if level_of is self:
            self._known_penalties[family] = candidates, penalties
        return penalties

    def _sounds_of(self, instrument_id: str) -> tuple[Path | None, Path | None]:
        return self._bundle.sounds_of(instrument_id)

    def _ids_of(self, rows: Rows) -> list[str]:
        ids = self._bundle.catalog.ids
        return [ids[row] for row in rows.tolist()]
