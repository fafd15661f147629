"""Handlers of the Search tab for a mix that arrives or is removed."""

import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from cir.errors import InputError
from cir.ui.cards import message, placeholder
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.search.examples import Example
from cir.ui.search.filter_fields import FILTER_NAMES, known_values, shared_filters
from cir.ui.search.mix_panel import mix_panel
from cir.ui.search.mixes import LoadedMix, load_mix
from cir.ui.service import MAX_TOP_K, PageService

FormUpdate = tuple[Any, ...]
"""Values of mix, upload, recorder, panel, start and end, then as `NO_RESULTS`."""


WAITING = "Drop, paste or record a mix, or pick an example: the search starts at once."
NO_RESULTS: FormUpdate = (placeholder(WAITING), "", None, None, {}, "", "")
"""Values of results, truth, answer, shown answer, opened families, timeline and levels."""


@dataclass(frozen=True)
class SharedSearch:
    """The form as an address describes it; None for what is missing or invalid."""

    example: int
    """Index of the example."""
    families: list[str]
    """Empty: those that are heard."""
    top_k: int | None = None
    filters: tuple[str | float, ...] = ()
    """Values of the filter fields."""


def read_link(
    query: Mapping[str, object],
    examples: Sequence[Example],
    families: Collection[str],
    known: Mapping[str, frozenset[str]],
) -> SharedSearch | None:
    """Read the parameters of an address.

    Args:
        query: Parameters by name.
        examples: Examples of the page.
        families: Slugs that can be chosen.
        known: Values of bank, source and licence that can be chosen.

    Returns:
        None without a valid example.
    """
    text = {name: str(value) for name, value in query.items()}
    number = _whole(text.get("example", ""), len(examples))
    if number is None:
        return None
    named = [one for one in text.get("families", "").split(",") if one in families]
    return SharedSearch(
        example=number - 1,
        families=list(dict.fromkeys(named)),
        top_k=_whole(text.get("top_k", ""), MAX_TOP_K),
        filters=tuple(shared_filters(text, known)),
    )


def _whole(text: str, most: int) -> int | None:
    """Read an integer from 1 to `most`; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= most else None


def take_mix(
    path: str | None, example: int | None = None, *, folder: Path | None = None
) -> FormUpdate:
    """Put a file into the form and clear the results of the previous one.

    Args:
        path: A sound file; None empties the form.
        example: Index of the example that it is.
        folder: Folder that keeps it, as in `load_mix`.
    """
    if not path:
        return empty_form()
    try:
        mix, _ = load_mix(path, example, folder=folder)
    except InputError as error:
        return refused_form(error)
    return filled_form(mix)


def filled_form(mix: LoadedMix) -> FormUpdate:
    """Show a mix, and clear the results of the previous one."""
    hidden = gr.update(value=None, visible="hidden")
    return mix, hidden, None, mix_panel(mix), 0.0, round(mix.seconds, 1), *NO_RESULTS


def refused_form(error: InputError) -> FormUpdate:
    """Show why a file is no mix."""
    return empty_form(message("This file cannot be searched", str(error)))


def empty_form(panel: str = "") -> FormUpdate:
    """Remove the mix and its results; show a text in its panel."""
    upload = gr.update(value=None, visible=True)
    return None, upload, None, panel, 0.0, 0.0, *NO_RESULTS


class UploadedMixes:
    """Keeps a visitor's mix until the next one arrives or the visit ends.

    Args:
        libraries: Provides a folder for each visit.
    """

    def __init__(self, libraries: OwnLibraries) -> None:
        self._libraries = libraries
        self._removed: Counter[str] = Counter()

    def remove(self, shelf: Shelf) -> FormUpdate:
        """Empty the form; searches that are running end by `times_removed`."""
        self._removed[shelf.token] += 1
        self.empty_folder(shelf)
        return empty_form()

    def times_removed(self, shelf: Shelf) -> int:
        """Return how often this visitor has emptied the form."""
        return self._removed[shelf.token]

    def empty_folder(self, shelf: Shelf) -> Path:
        """Return the folder of a visitor's mix, without the previous one."""
        folder = self._libraries.session_folder(shelf) / "mix"
        shutil.rmtree(folder, ignore_errors=True)
        return folder


class SharedLinks:
    """Fills the form from the address of the page."""

    def __init__(self, service: PageService, examples: Sequence[Example]) -> None:
        self._examples = examples
        rows = service.instruments
        self._families = {one.family for one in rows if one.family is not None}
        self._known = known_values(rows)

    def open(self, event: gr.EventData) -> FormUpdate:
        """Return families, top_k and the filters, followed by the values of `take_mix`."""
        link = read_link(event._data or {}, self._examples, self._families, self._known)
        if link is None:
            return tuple([gr.skip()] * (len(empty_form()) + 2 + len(FILTER_NAMES)))
        return (
            link.families,
            link.top_k or gr.skip(),
            *link.filters,
            *take_mix(str(self._examples[link.example].path), link.example),
        )


def require_mix(mix: LoadedMix | None) -> LoadedMix:
    """Cancel the events that follow if there is no mix, without showing an error.

    Raises:
        gr.Error: There is none.
    """
    if mix is None:
        raise gr.Error(visible=False, print_exception=False)
    return mix
