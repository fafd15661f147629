"""Look-ups of one family's query: match by match, or grouped into different sounds."""

from dataclasses import replace

from cir.index.duplicates import MatchGroup, group_near_duplicates
from cir.index.vector_index import Filters
from cir.retrieval.retriever import Retriever
from cir.types import FamilyResult, FloatArray

_SPARE = 10
"""How many matches beyond twice those asked for are first searched for near-duplicates."""


def look_up_singly(
    retriever: Retriever, family: str, query: FloatArray, top_k: int, filters: Filters
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Return the `top_k` matches, each a group of its own."""
    result = retriever.result(family, retriever.ranking(family, query, filters), top_k)
    return result, tuple(MatchGroup(match) for match in result.matches)


def look_up_gathered(
    retriever: Retriever, family: str, query: FloatArray, top_k: int, filters: Filters
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Go down the ranks until there are `top_k` groups of near-duplicates.

    Returns:
        The matches of all groups in order of rank, with their chances if known, and the groups.
    """
    ids, embeddings = retriever.database.embeddings()
    rows = dict(zip(ids, embeddings, strict=True))
    ranking = retriever.ranking(family, query, filters)
    count = 2 * top_k + _SPARE
    while True:
        result = retriever.result(family, ranking, count)
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
