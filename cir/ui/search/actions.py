"""Handlers of the Search tab: the search, and "more like this"."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from cir.audio.decode import Decoded
from cir.audio.io import load_with_notice
from cir.audio.loudness import integrated_loudness
from cir.errors import CirError, InputError
from cir.types import SAMPLE_RATE, Match, Progress
from cir.ui.cards import message
from cir.ui.events import report_to
from cir.ui.own.scope import BUNDLED, answer_in
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.search.comparison import Comparisons, failed_comparison
from cir.ui.search.examples import Example
from cir.ui.search.filter_fields import read_filters
from cir.ui.search.likeness import Likenesses, Opened
from cir.ui.search.mix_input import (
    NO_RESULTS,
    UploadedMixes,
    empty_form,
    filled_form,
    refused_form,
)
from cir.ui.search.mix_panel import timeline_strip
from cir.ui.search.mixes import MAX_SECONDS, LoadedMix, Region, cut, load_mix, sound_level
from cir.ui.search.results import level_list, results_page, truth_panel
from cir.ui.service import Answer, PageService
from cir.ui.sound_address import sound_address


@dataclass(frozen=True)
class Asked:
    """What the form asks for."""

    families: list[str]
    """Empty: those that are heard."""
    top_k: float
    fields: tuple[Any, ...]
    """Values of the filters, as `cir.ui.search.filter_fields.read_filters` takes them."""
    scope: str


class Searching:
    """The handlers of a search in one database."""

    def __init__(
        self,
        service: PageService,
        examples: Sequence[Example],
        libraries: OwnLibraries,
        uploads: UploadedMixes,
    ) -> None:
        self._service = service
        self._examples = examples
        self._libraries = libraries
        self._uploads = uploads
        self._likenesses = Likenesses(service, libraries)
        self._comparisons = Comparisons(service)

    def take_upload(
        self,
        path: str | None,
        shelf: Shelf,
        families: list[str],
        top_k: float,
        text: str,
        bank: str,
        source: str,
        licence: str,
        brightness: float,
        attack: float,
        noisiness: float,
        scope: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> Iterator[tuple[Any, ...]]:
        """Put an upload into the form and search it.

        Yields:
            Values of a `FormUpdate`.
        """
        if not path:
            yield empty_form()
            return
        folder = self._uploads.empty_folder(shelf)
        filters = text, bank, source, licence, brightness, attack, noisiness
        asked = Asked(families, top_k, filters, scope)
        yield from self._arrive(path, None, folder, asked, shelf, report_to(progress))

    def example_taker(self, number: int) -> Callable[..., Iterator[tuple[Any, ...]]]:
        """Return a handler that puts an example into the form and searches it."""

        def take_example(
            shelf: Shelf,
            families: list[str],
            top_k: float,
            text: str,
            bank: str,
            source: str,
            licence: str,
            brightness: float,
            attack: float,
            noisiness: float,
            scope: str,
            progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
        ) -> Iterator[tuple[Any, ...]]:
            path = str(self._examples[number].path)
            filters = text, bank, source, licence, brightness, attack, noisiness
            asked = Asked(families, top_k, filters, scope)
            yield from self._arrive(path, number, None, asked, shelf, report_to(progress))

        return take_example

    def _arrive(
        self,
        path: str,
        example: int | None,
        folder: Path | None,
        asked: Asked,
        shelf: Shelf,
        progress: Progress,
    ) -> Iterator[tuple[Any, ...]]:
        """Decode a mix once, show it and search it."""
        try:
            mix, decoded = load_mix(path, example, folder=folder)
        except InputError as error:
            yield refused_form(error)
            return
        form = filled_form(mix)
        keep = [gr.skip()] * (len(form) - len(NO_RESULTS))
        yield form
        found = self._search(mix, decoded, None, asked, shelf, progress)
        for update in self._while_there(shelf, found):
            yield (*keep, *update)

    def run(
        self,
        mix: LoadedMix | None,
        start: float | None,
        end: float | None,
        families: list[str],
        top_k: float,
        text: str,
        bank: str,
        source: str,
        licence: str,
        brightness: float,
        attack: float,
        noisiness: float,
        scope: str,
        shelf: Shelf,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> Iterator[tuple[Any, ...]]:
        """Search, and show each family as soon as it is found.

        Yields:
            Results, truth, answer of the database, answer that is shown, opened families, timeline,
            levels.
        """
        if mix is None:
            words = "There is no mix yet; upload a file, record one or pick an example."
            yield (message("This search did not work", words), *NO_RESULTS[1:])
            return
        filters = text, bank, source, licence, brightness, attack, noisiness
        asked = Asked(families, top_k, filters, scope)
        region = chosen_region(mix, start, end)
        found = self._search(mix, None, region, asked, shelf, report_to(progress))
        yield from self._while_there(shelf, found)

    def _while_there(
        self, shelf: Shelf, found: Iterator[tuple[Any, ...]]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield what a search finds, and no results once its mix is removed."""
        began = self._uploads.times_removed(shelf)
        for update in found:
            if self._uploads.times_removed(shelf) != began:
                yield NO_RESULTS
                return
            yield update

    def _search(
        self,
        mix: LoadedMix,
        decoded: Decoded | None,
        region: Region | None,
        asked: Asked,
        shelf: Shelf,
        progress: Progress,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield values as `NO_RESULTS`, each family as soon as it is found."""
        keep = gr.skip()
        try:
            sound = decoded or load_with_notice(
                mix.path, sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS
            )
            steps = self._service.search_by_family(
                mix.path,
                asked.families or None,
                asked.top_k,
                progress,
                filters=read_filters(asked.fields),
                region=region,
                gather=True,
                decoded=sound,
            )
            for found in steps:
                answer = replace(found, mix=mix.heard)
                if not answer.waiting:
                    loudness = integrated_loudness(cut(sound.audio, region), SAMPLE_RATE)
                    answer = replace(answer, loudness=loudness)
                if asked.scope == BUNDLED:
                    # With the last list comes what its buttons ask about.
                    known = None if answer.waiting else answer
                    yield results_page(answer), keep, known, known, {}, keep, keep
            shown = answer
            if asked.scope != BUNDLED:
                shown = self._in_scope(asked.scope, answer, shelf)
                yield results_page(shown), keep, answer, shown, {}, keep, keep
            truth, timeline = self._truth(mix, answer), self._timeline(mix, answer)
            yield keep, truth, keep, keep, keep, timeline, keep
        except CirError as error:
            yield (message("This search did not work", str(error)), *NO_RESULTS[1:])
            return
        # Levels come last: the player needs them only when two sounds are compared.
        yield keep, keep, keep, keep, keep, keep, self._levels(shown, {})

    def _in_scope(self, scope: str, answer: Answer, shelf: Shelf) -> Answer:
        """Return an answer of the database, or the same from own sounds."""
        if scope == BUNDLED:
            return answer
        found = answer_in(scope, self._service, self._libraries.of(shelf), answer, answer.top_k)
        return replace(found, scope=scope)

    def change(
        self,
        answer: Answer | None,
        shown: Answer | None,
        opened: Opened,
        shelf: Shelf,
        event: gr.EventData,
    ) -> tuple[Any, ...]:
        """Answer a click: another family, what is most like a match, or the list again.

        Returns:
            Results, answer of the database, answer that is shown, opened families, levels.
        """
        data: Mapping[str, Any] = event._data or {}
        if answer is None or shown is None:  # a list that is still incomplete, or of another visit
            gr.Info("Wait until all lists are there; if they are, search again.")
            return (gr.skip(),) * 5
        try:
            if data.get("act") == "family":
                answer = self._service.add_family(answer, str(data.get("family", "")))
                found = self._in_scope(shown.scope, answer, shelf)
                shown = replace(found, loudness=shown.loudness)
            else:
                opened = self._likenesses.react(shown, opened, data, shelf)
        except CirError as error:
            page = message("This did not work", str(error))
            return page + results_page(shown), answer, shown, {}, gr.skip()
        page = results_page(shown, likenesses=opened)
        return page, answer, shown, opened, self._levels(shown, opened)

    def refine(
        self,
        answer: Answer | None,
        shown: Answer | None,
        shelf: Shelf,
        families: list[str],
        top_k: float,
        text: str,
        bank: str,
        source: str,
        licence: str,
        brightness: float,
        attack: float,
        noisiness: float,
        scope: str,
    ) -> tuple[Any, ...]:
        """Answer again with the filters of the form, without listening again.

        It also follows each search, as the form may have changed meanwhile.

        Returns:
            As `change`; nothing changes where the answer has these filters already.
        """
        if answer is None or shown is None:
            return (gr.skip(),) * 5
        fields = text, bank, source, licence, brightness, attack, noisiness
        try:
            filters = read_filters(fields)
            if (filters, top_k, scope) == (answer.filters, answer.top_k, shown.scope):
                return (gr.skip(),) * 5
            answer = self._service.filtered(answer, filters, int(top_k))
            found = self._in_scope(scope, answer, shelf)
        except CirError as error:
            page = message("This did not work", str(error))
            return page + results_page(shown), answer, shown, {}, gr.skip()
        shown = replace(found, loudness=shown.loudness)
        return results_page(shown), answer, shown, {}, self._levels(shown, {})

    def compare(
        self, shown: Answer | None, opened: Opened, shelf: Shelf, event: gr.EventData
    ) -> str:
        """Make the sounds of a comparison, or say why that fails."""
        data: Mapping[str, Any] = event._data or {}
        family, wanted = str(data.get("family", "")), str(data.get("instrument_id", ""))
        if shown is None or family not in shown.windows.families:
            return failed_comparison(family, wanted, "Search a mix first.")
        found = (one for one in _shown(shown, opened) if one.instrument.instrument_id == wanted)
        match = next(found, None)
        if wanted and match is None:
            return failed_comparison(family, wanted, "This match is gone; search again.")
        folder = self._libraries.session_folder(shelf) / "comparisons"
        try:
            return self._comparisons.compare(shown, family, match, folder)
        except CirError as error:
            return failed_comparison(family, wanted, str(error))

    def _truth(self, mix: LoadedMix, answer: Answer) -> str:
        if mix.example is None:
            return ""
        ids = self._examples[mix.example].instrument_ids
        return truth_panel([self._service.truth(one, answer.windows.average()) for one in ids])

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
        return level_list(answer.loudness, levels)


def _shown(answer: Answer, opened: Opened) -> list[Match]:
    matches = [match for result in answer.results for match in result.matches]
    return matches + [match for one in opened.values() for match in one.matches]


def chosen_region(mix: LoadedMix, start: float | None, end: float | None) -> Region | None:
    """Return the passage between the form's two numbers; None if they span the whole mix."""
    first = 0.0 if start is None else float(start)
    last = mix.seconds if end is None else float(end)
    # The form shows tenths of a second.
    if abs(first) < 0.05 and abs(last - mix.seconds) < 0.1:
        return None
    return Region(first, min(last, mix.seconds) if last < mix.seconds + 0.1 else last)
