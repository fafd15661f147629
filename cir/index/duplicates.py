"""Matches that sound the same, gathered: a list of five should be five different sounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cir.types import FloatArray, Match

NEAR_DUPLICATE = 0.95
"""Cosine of two embeddings from which on their instruments count as one sound.

Chosen by looking at the bundled database: of the 11 pairs of one family above it, most are visibly
variants of each other (one snare in four drum kits, violin and viola, "Quick 1" and "Quick 2"),
while below it, from 0.95 to 0.9, names that have nothing in
common become the rule.
"""


@dataclass(frozen=True)
class MatchGroup:
    """A match, and later ones that sound nearly the same; all keep their own ranks and chances."""

    match: Match
    duplicates: tuple[Match, ...] = ()

    @property
    def members(self) -> tuple[Match, ...]:
        """All of them, best first."""
        return (self.match, *self.duplicates)


def group_near_duplicates(
    matches: Sequence[Match],
    embedding_of: Callable[[str], FloatArray],
    *,
    threshold: float = NEAR_DUPLICATE,
) -> list[MatchGroup]:
    """Put each match under the first one before it that it nearly equals.

    Members are compared with the head of their group only, so that no chain of small steps brings
    two different sounds together.

    Args:
        matches: best first.
        embedding_of: an instrument's embedding by its id, (D,), unit norm.
        threshold: least cosine similarity of near-duplicates.

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
