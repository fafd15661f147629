"""One family's query, looked up: as it is, or so that a list of five shows five sounds."""

from dataclasses import dataclass, replace

from cir.index.duplicates import MatchGroup, group_near_duplicates
from cir.retrieval.retriever import Retriever
from cir.types import FamilyResult, FloatArray, Instrument

_SPARE = 10
"""Matches beyond twice those asked for, among which near-duplicates are looked for."""


@dataclass(frozen=True)
class Filters:
    """Which instruments may be found; None lets all pass."""

    bank: str | None = None
    source: str | None = None

    def passes(self, instrument: Instrument) -> bool:
        """Whether an instrument may be found."""
        return self.bank in (None, instrument.bank) and self.source in (None, instrument.source)


ANY = Filters()


def look_up_singly(
    retriever: Retriever, family: str, query: FloatArray, top_k: int, filters: Filters
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Return the `top_k` matches, each a group of its own."""
    (result,) = retriever.match({family: query}, top_k, bank=filters.bank, source=filters.source)
    return result, tuple(MatchGroup(match) for match in result.matches)


def look_up_gathered(
    retriever: Retriever, family: str, query: FloatArray, top_k: int, filters: Filters
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Go down the ranks until there are `top_k` sounds, near-duplicates together.

    Returns:
        The matches of all groups in order of rank, with the chances that are known, and the groups.
    """
    ids, embeddings = retriever.database.embeddings()
    rows = dict(zip(ids, embeddings, strict=True))
    count = 2 * top_k + _SPARE
    while True:
        result, _ = look_up_singly(retriever, family, query, count, filters)
        groups = group_near_duplicates(result.matches, rows.__getitem__)
        if len(groups) >= top_k or len(result.matches) < count:
            break
        count *= 2
    kept = tuple(groups[:top_k])
    members = sorted((one for group in kept for one in group.members), key=lambda one: one.rank)
    judgement = result.judgement
    if judgement is not None and judgement.chances:
        chances = tuple(judgement.chances[one.rank - 1] for one in members)
        judgement = replace(judgement, chances=chances)
    return FamilyResult(family, tuple(members), judgement), kept
