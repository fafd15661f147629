"""Groups of matches that sound the same: a list of five should show five different sounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cir.types import FloatArray, Match

NEAR_DUPLICATE = 0.95
"""Least cosine of two embeddings whose instruments count as one sound.

Chosen by looking at the bundled database: of the 11 pairs of one family above it, most are visibly
variants of each other (one snare in four drum kits, violin and viola, "Quick 1" and "Quick 2"),
while between 0.9 and 0.95 most names have nothing in common.
"""


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
