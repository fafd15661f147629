"""Handlers of the Search tab: the search, and "more like this"."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from cir.errors import CirError
from cir.index.ranking import Filters
from cir.types import Match
from cir.ui.cards import message, placeholder
from cir.ui.events import report_to
from cir.ui.own.scope import BUNDLED, answer_in, is_own, own_neighbours
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.search.examples import Example
from cir.ui.search.mix_panel import timeline_strip
from cir.ui.search.mixes import LoadedMix, Region, mix_level, sound_level
from cir.ui.search.results import Likeness, level_list, results_page, truth_panel
from cir.ui.service import Answer, PageService
from cir.ui.sound_address import sound_address

WAITING = "Upload a mix, record one or pick an example, then press Find the instruments."

Opened = dict[str, Likeness]
"""By family: the instruments that "more like this" shows in place of its matches."""


class Searching:
    """The handlers of a search in one database."""

    def __init__(
        self, service: PageService, examples: Sequence[Example], libraries: OwnLibraries
    ) -> None:
        self._service = service
        self._examples = examples
        self._libraries = libraries

    def run(
        self,
        mix: LoadedMix | None,
        start: float | None,
        end: float | None,
        families: list[str],
        top_k: float,
        bank: str,
        source: str,
        scope: str,
        shelf: Shelf,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> Iterator[tuple[Any, ...]]:
        """Search, and show each family as soon as it is found.

        Yields:
            Results, truth, answer of the database, answer that is shown, opened families, timeline,
            levels.
        """
        keep = gr.skip()
        try:
            steps = self._service.search_by_family(
                None if mix is None else mix.path,
                families,
                top_k,
                report_to(progress),
                filters=Filters(bank or None, source or None),
                region=None if mix is None else chosen_region(mix, start, end),
                gather=True,
            )
            for found in steps:
                answer = found if mix is None else replace(found, mix=mix.heard)
                if scope == BUNDLED:
                    page = results_page(answer, waiting=families[len(answer.results) :])
                    yield page, keep, keep, keep, {}, keep, keep
            if mix is None:
                return
            shown = answer
            if scope != BUNDLED:
                library = self._libraries.of(shelf)
                shown = answer_in(scope, self._service, library, answer, int(top_k))
                yield results_page(shown), keep, keep, keep, {}, keep, keep
            truth, timeline = self._truth(mix, answer), self._timeline(mix, answer)
            yield keep, truth, answer, shown, {}, timeline, keep
        except CirError as error:
            yield message("This search did not work", str(error)), "", None, None, {}, "", ""
            return
        # Levels come last: the player needs them only when two sounds are compared.
        yield keep, keep, keep, keep, keep, keep, self._levels(shown, {})

    def more_like(
        self, answer: Answer | None, opened: Opened, shelf: Shelf, event: gr.EventData
    ) -> tuple[str, Opened, str]:
        """Show the instruments most like a match in place of its list, or the list again."""
        data: Mapping[str, Any] = event._data or {}
        family, wanted = str(data.get("family", "")), str(data.get("instrument_id", ""))
        if answer is None:
            return placeholder(WAITING), {}, ""
        now = {name: one for name, one in opened.items() if name != family}
        if wanted:
            try:
                now[family] = self._likeness(answer, wanted, shelf)
            except CirError as error:
                return message("Nothing like it", str(error)), {}, ""
        return results_page(answer, likenesses=now), now, self._levels(answer, now)

    def _likeness(self, answer: Answer, wanted: str, shelf: Shelf) -> Likeness:
        """Find what is most like an instrument or an own sound, among what passes the filters."""
        for match in _shown(answer, {}):
            if match.instrument.instrument_id == wanted and is_own(match.instrument):
                library = self._libraries.of(shelf)
                return Likeness(
                    *own_neighbours(
                        self._service, library, match.instrument, filters=answer.filters
                    )
                )
        return Likeness(*self._service.neighbours(wanted, filters=answer.filters))

    def _truth(self, mix: LoadedMix, answer: Answer) -> str:
        if mix.example is None:
            return ""
        ids = self._examples[mix.example].instrument_ids
        return truth_panel([self._service.truth(one, answer.queries) for one in ids])

    def _timeline(self, mix: LoadedMix, answer: Answer) -> str:
        first = {result.family: result.matches[0] for result in answer.results if result.matches}
        offset = 0.0 if answer.region is None else answer.region.start_seconds
        return timeline_strip(self._service.timeline(answer), first, mix, offset)

    def _levels(self, answer: Answer, opened: Opened) -> str:
        levels = {
            sound_address(path): sound_level(path)
            for match in _shown(answer, opened)
            for path in (match.preview, match.phrase)
            if path is not None
        }
        return level_list(mix_level(answer.mix, answer.region), levels)


def _shown(answer: Answer, opened: Opened) -> list[Match]:
    matches = [match for result in answer.results for match in result.matches]
    return matches + [match for one in opened.values() for match in (one.match, *one.neighbours)]


def chosen_region(mix: LoadedMix, start: float | None, end: float | None) -> Region | None:
    """Return the passage between the form's two numbers; None if they span the whole mix."""
    first = 0.0 if start is None else float(start)
    last = mix.seconds if end is None else float(end)
    # The form shows tenths of a second.
    if abs(first) < 0.05 and abs(last - mix.seconds) < 0.1:
        return None
    return Region(first, min(last, mix.seconds) if last < mix.seconds + 0.1 else last)
