"""What happens on the Search tab when a mix arrives, or goes."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from cir.errors import InputError
from cir.ui.cards import message, placeholder
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.search.actions import WAITING
from cir.ui.search.examples import Example
from cir.ui.search.mix_panel import mix_panel
from cir.ui.search.mixes import LoadedMix, load_mix
from cir.ui.search.shared_link import read_wishes
from cir.ui.service import PageService

Arrival = tuple[Any, ...]
"""Values of mix, inbox, recorder, panel, passage, start, end, and of what an old search left:
results, truth, answer, timeline."""

_FORGOTTEN = (placeholder(WAITING), "", None, "")


def arrive(path: str | None, example: int | None = None, *, folder: Path | None = None) -> Arrival:
    """Take a file into the form, and forget the search of the one before.

    Args:
        path: a sound file; None empties the form.
        example: which of the examples it is.
        folder: keeps it, as in `load_mix`.
    """
    if not path:
        return leave()
    try:
        mix = load_mix(path, example, folder=folder)
    except InputError as error:
        _, *rest = leave()
        rest[2] = message("This file cannot be searched", str(error))
        return (None, *rest)
    return (
        mix,
        gr.update(value=None, visible="hidden"),
        None,
        mix_panel(mix),
        gr.update(visible=True),
        0.0,
        round(mix.seconds, 1),
        *_FORGOTTEN,
    )


def leave() -> Arrival:
    """Empty the form, and forget the last search."""
    return (
        None,
        gr.update(value=None, visible=True),
        None,
        "",
        gr.update(visible=False),
        0.0,
        0.0,
        *_FORGOTTEN,
    )


class Uploaded:
    """Keeps a visitor's mix until the next one, or until the visit ends.

    Args:
        libraries: have a folder for each visit.
    """

    def __init__(self, libraries: OwnLibraries) -> None:
        self._libraries = libraries

    def arrive(self, path: str | None, shelf: Shelf) -> Arrival:
        """Take an upload into the form, in place of the one before."""
        return arrive(path, folder=self._emptied(shelf))

    def leave(self, shelf: Shelf) -> Arrival:
        """Empty the form."""
        self._emptied(shelf)
        return leave()

    def _emptied(self, shelf: Shelf) -> Path:
        folder = self._libraries.session_folder(shelf) / "mix"
        shutil.rmtree(folder, ignore_errors=True)
        return folder


class Addressed:
    """Opens the page as a shared address describes it."""

    def __init__(self, service: PageService, examples: Sequence[Example]) -> None:
        self._examples = examples
        rows = service.instruments
        self._families = {one.family for one in rows if one.family is not None}
        self._banks, self._sources = {one.bank for one in rows}, {one.source for one in rows}

    def open(self, event: gr.EventData) -> Arrival:
        """Fill the form: families, top_k, bank and source, then what `arrive` gives."""
        wishes = read_wishes(
            event._data or {}, self._examples, self._families, self._banks, self._sources
        )
        if wishes is None:
            return tuple([gr.skip()] * 15)
        return (
            wishes.families,
            wishes.top_k or gr.skip(),
            wishes.bank or gr.skip(),
            wishes.source or gr.skip(),
            *arrive(str(self._examples[wishes.example].path), wishes.example),
        )


def present(mix: LoadedMix | None) -> LoadedMix:
    """Stop what follows where no mix has arrived, without a word.

    Raises:
        gr.Error: there is none.
    """
    if mix is None:
        raise gr.Error(visible=False, print_exception=False)
    return mix
