"""A search by liked and disliked matches, in place of a family's list.

The query is the mean of the liked instruments, or the mix where only others are disliked, less half
the mean of the disliked ones: Rocchio's feedback (in Salton, The SMART Retrieval System, 1971).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from cir.errors import InputError
from cir.retrieval.answers import MatchGroup, gather
from cir.types import FamilyResult, FloatArray, Match
from cir.ui.cards import single_card
from cir.ui.own.scope import OWN_PREFIX, embeddings_by_id
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.service import Answer, PageService

COUNT = 5
"""Groups of near-duplicates in a list."""
UNLIKED_WEIGHT = 0.5
_MOST_NAMED = 20


@dataclass(frozen=True)
class Likeness:
    """What is shown in place of a family's matches."""

    liked: tuple[Match, ...]
    unliked: tuple[Match, ...]
    groups: tuple[MatchGroup, ...] = ()

    @property
    def matches(self) -> tuple[Match, ...]:
        """All instruments that are shown."""
        near = (match for group in self.groups for match in group.members)
        return (*self.liked, *self.unliked, *near)


Opened = dict[str, Likeness]
"""By family: what is shown in place of its matches."""


class Likenesses:
    """Reacts to likes and dislikes of the visitor."""

    def __init__(self, service: PageService, libraries: OwnLibraries) -> None:
        self._service = service
        self._libraries = libraries

    def react(
        self, answer: Answer, opened: Opened, data: Mapping[str, Any], shelf: Shelf
    ) -> Opened:
        """Return what is open after a click.

        Args:
            answer: The answer that is shown.
            opened: What is open.
            data: `family`, `act` (like, unlike, drop or back) and `instrument_id`.
            shelf: Identifies the sounds of this visitor.

        Raises:
            InputError: The instrument is not there any more, or too many are liked.
            DatabaseError: The own sounds cannot be read.
        """
        family, name = str(data.get("family", "")), str(data.get("instrument_id", ""))
        act = str(data.get("act", "like"))
        others = {one: likeness for one, likeness in opened.items() if one != family}
        if act == "back" or not name:
            return others
        old = opened.get(family, Likeness((), ()))
        liked, unliked = _without(old.liked, name), _without(old.unliked, name)
        if act != "drop":
            named = self._match(name, shelf)
            liked, unliked = (
                ((*liked, named), unliked) if act == "like" else (liked, (*unliked, named))
            )
        if len(liked) + len(unliked) > _MOST_NAMED:
            raise InputError(f"At most {_MOST_NAMED} sounds can be compared with; remove some.")
        if not (liked or unliked):
            return others
        return {**others, family: self._find(answer, family, liked, unliked, shelf)}

    def _find(
        self,
        answer: Answer,
        family: str,
        liked: tuple[Match, ...],
        unliked: tuple[Match, ...],
        shelf: Shelf,
    ) -> Likeness:
        database = self._service.database
        named = {one.instrument.instrument_id for one in (*liked, *unliked)}
        known = embeddings_by_id(self._service, self._libraries.of(shelf).database)
        base = _mean(liked, known) if liked else answer.queries[family]
        query = base - UNLIKED_WEIGHT * _mean(unliked, known) if unliked else base
        filters = answer.filters
        ranking = database.ranking(
            query,
            None if liked else family,
            bank=filters.bank,
            source=filters.source,
            words=filters.text,
        )
        near = filters.narrow(ranking).only(lambda one: one.instrument_id not in named)
        word = database.likeness.word

        def find(count: int) -> FamilyResult:
            matches = near.top(count)
            if not liked:
                matches = [replace(one, likeness=word(one.similarity)) for one in matches]
            return FamilyResult(family, tuple(matches))

        _, groups = gather(COUNT, find, lambda _: known)
        return Likeness(liked, unliked, groups)

    def _match(self, name: str, shelf: Shelf) -> Match:
        library = self._libraries.of(shelf)
        own_name = name.removeprefix(OWN_PREFIX)
        if own_name == name:
            instrument = self._service.database.get(name)
            preview, phrase = self._service.preview(name), self._service.phrase(name)
        elif library.database is None:
            raise InputError("This sound is not there any more; search again.")
        else:
            instrument = replace(library.database.get(own_name), instrument_id=name)
            preview, phrase = library.preview(own_name), library.phrase(own_name)
        return Match(0, 1.0, instrument, preview, phrase=phrase)


def _mean(matches: Sequence[Match], known: Mapping[str, FloatArray]) -> FloatArray:
    """Return the mean direction of instruments, (D,), unit norm."""
    missing = [one for one in matches if one.instrument.instrument_id not in known]
    if missing:
        raise InputError(f"{missing[0].instrument.name} is not there any more; search again.")
    mean = np.mean([known[one.instrument.instrument_id] for one in matches], axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def _without(matches: tuple[Match, ...], name: str) -> tuple[Match, ...]:
    return tuple(one for one in matches if one.instrument.instrument_id != name)


def likeness_head(likeness: Likeness) -> str:
    """Render what a list is like and unlike, with a button back."""
    liked = "".join(
        single_card(one, f' data-instrument="{escape(one.instrument.instrument_id)}"')
        + (_drop(one, "Leave out") if len(likeness.liked) + len(likeness.unliked) > 1 else "")
        for one in likeness.liked
    )
    unliked = "".join(_drop(one, "Less like") for one in likeness.unliked)
    whose = (
        "Most similar, of any family:" if likeness.liked else "Like your mix, but less like that:"
    )
    return (
        '<button type="button" class="cir-act cir-back" data-act="back">\u2190 Back to the matches'
        f'</button>{liked}<div class="cir-acts">{unliked}</div><p class="cir-among">{whose}</p>'
    )


def _drop(match: Match, words: str) -> str:
    name = escape(match.instrument.name)
    return (
        f'<button type="button" class="cir-act" data-act="drop" '
        f'data-value="{escape(match.instrument.instrument_id)}" '
        f'aria-label="{words} {name}: remove">{words} {name} &times;</button>'
    )
