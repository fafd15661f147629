"""Answers for readers: matches grouped into different sounds, and the wording of chances."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cir.index.filters import Filters
from cir.retrieval.retriever import Retriever
from cir.types import FamilyResult, FloatArray, Judgement, Match

NEAR_DUPLICATE = 0.93
"""Least cosine of two embeddings whose instruments count as one sound.

Chosen by looking at the bundled database: of the 31 pairs of one family above it, most are visibly
variants of each other (one snare in three drum kits, violin and viola, "Splash 1" and "Splash 2").
"""

_SPARE = 10
"""How many matches beyond twice those asked for are first searched for near-duplicates."""

ABSENT = "Probably not in this database."


@dataclass(frozen=True)
class MatchGroup:
    """A match and later ones that sound nearly the same; all keep their ranks and chances."""

    match: Match
    duplicates: tuple[Match, ...] = ()

    @property
    def members(self) -> tuple[Match, ...]:
        """All matches, best first."""
        return (self.match, *self.duplicates)


def group_near_duplicates(
    matches: Sequence[Match],
    embedding_of: Callable[[str], FloatArray],
    *,
    threshold: float = NEAR_DUPLICATE,
) -> list[MatchGroup]:
    """Put each match into the group of the first earlier match that it nearly equals.

    Members are compared with the first match of a group only, so that no chain of small steps
    joins two different sounds.

    Args:
        matches: Best first.
        embedding_of: Returns an instrument's embedding by its id, (D,), unit norm.
        threshold: Least cosine similarity of near-duplicates.

    Returns:
        The groups, in the order of their first matches.
    """
    heads: list[FloatArray] = []
    groups: list[list[Match]] = []
    for match in matches:
        embedding = embedding_of(match.instrument.instrument_id)
        similar = np.array([head @ embedding for head in heads]) >= threshold
        if similar.any():
            groups[int(np.argmax(similar))].append(match)
        else:
            heads.append(embedding)
            groups.append([match])
    return [MatchGroup(first, tuple(others)) for first, *others in groups]


def look_up_singly(
    retriever: Retriever, family: str, query: FloatArray, top_k: int, filters: Filters
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Return the `top_k` matches, each a group of its own."""
    result = retriever.result(family, retriever.ranking(family, query, filters), top_k)
    return result, tuple(MatchGroup(match) for match in result.matches)


def look_up_gathered(
    retriever: Retriever, family: str, query: FloatArray, top_k: int, filters: Filters
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Return the matches of `top_k` groups of near-duplicates, and the groups, as `gather` does."""
    ranking = retriever.ranking(family, query, filters)
    return gather(
        top_k, lambda count: retriever.result(family, ranking, count), ranking.top_embeddings
    )


def gather(
    top_k: int,
    find: Callable[[int], FamilyResult],
    embeddings_of: Callable[[int], Mapping[str, FloatArray]],
) -> tuple[FamilyResult, tuple[MatchGroup, ...]]:
    """Go down the ranks until there are `top_k` groups of near-duplicates.

    Args:
        top_k: Number of groups.
        find: Returns that many of the best matches, or all where there are fewer.
        embeddings_of: Returns the embeddings of at least that many of the best, by id.

    Returns:
        The matches of all groups in order of rank, with their chances if known, and the groups.
    """
    count = 2 * top_k + _SPARE
    while True:
        result = find(count)
        groups = group_near_duplicates(result.matches, embeddings_of(count).__getitem__)
        if len(groups) >= top_k or len(result.matches) < count:
            break
        count *= 2
    kept = tuple(groups[:top_k])
    members = sorted((one for group in kept for one in group.members), key=lambda one: one.rank)
    judgement = result.judgement
    if judgement is not None and judgement.chances:
        chances = tuple(judgement.chances[one.rank - 1] for one in members)
        judgement = replace(judgement, chances=chances)
    return FamilyResult(result.family, tuple(members), judgement), kept


def percent(share: float) -> str:
    """Format a share in [0, 1] in whole percents; only 0 and 1 become 0 and 100 %."""
    if 0.0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1.0:
        return ">99 %"
    return f"{100.0 * share:.0f} %"


def among_five(result: FamilyResult) -> str:
    """Return a sentence with the chance that one of the first five is right, if it is known."""
    judgement = result.judgement
    if judgement is None or judgement.top_5 is None or len(result.matches) < 5:
        return ""
    which = "these five" if len(result.matches) == 5 else "the first five"
    return f"Chance that it is among {which}: {percent(judgement.top_5)}"


def false_alarms(judgement: Judgement) -> str:
    """Return a sentence that says how often `ABSENT` is wrong."""
    wrong = percent(judgement.false_alarm_rate)
    return f"In calibration, this was wrong for {wrong} of the instruments that the database had."


def judgement_as_json(judgement: Judgement | None) -> dict[str, Any] | None:
    """Return a judgement as plain values, without the chances of single matches."""
    if judgement is None:
        return None
    return {
        "top_1": chance_as_json(judgement.top_1),
        "top_5": chance_as_json(judgement.top_5),
        "novelty": round(judgement.novelty, 4),
        "is_absent": judgement.is_absent,
        "false_alarm_rate": round(judgement.false_alarm_rate, 4),
    }


def chance_as_json(chance: float | None) -> float | None:
    """Return a match's chance, rounded; None stays None."""
    return None if chance is None else round(chance, 4)
