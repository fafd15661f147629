"""Handlers of the Search tab for a mix that arrives or is removed."""

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
from cir.ui.search.shared_link import read_link
from cir.ui.service import PageService

FormUpdate = tuple[Any, ...]
"""Values of mix, upload, recorder, panel, passage, start, end, results, truth, answer, timeline."""

_NO_RESULTS = (placeholder(WAITING), "", None, "")


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
        mix = load_mix(path, example, folder=folder)
    except InputError as error:
        return empty_form(message("This file cannot be searched", str(error)))
    hidden = gr.update(value=None, visible="hidden")
    shown = gr.update(visible=True)
    return mix, hidden, None, mix_panel(mix), shown, 0.0, round(mix.seconds, 1), *_NO_RESULTS


def empty_form(panel: str = "") -> FormUpdate:
    """Remove the mix and its results; show a text in its panel."""
    upload = gr.update(value=None, visible=True)
    return None, upload, None, panel, gr.update(visible=False), 0.0, 0.0, *_NO_RESULTS


class UploadedMixes:
    """Keeps a visitor's mix until the next one arrives or the visit ends.

    Args:
        libraries: Provides a folder for each visit.
    """

    def __init__(self, libraries: OwnLibraries) -> None:
        self._libraries = libraries

    def take(self, path: str | None, shelf: Shelf) -> FormUpdate:
        """Put an upload into the form."""
        return take_mix(path, folder=self._empty_folder(shelf))

    def remove(self, shelf: Shelf) -> FormUpdate:
        """Empty the form."""
        self._empty_folder(shelf)
        return empty_form()

    def _empty_folder(self, shelf: Shelf) -> Path:
        folder = self._libraries.session_folder(shelf) / "mix"
        shutil.rmtree(folder, ignore_errors=True)
        return folder


class SharedLinks:
    """Fills the form from the address of the page."""

    def __init__(self, service: PageService, examples: Sequence[Example]) -> None:
        self._examples = examples
        rows = service.instruments
        self._families = {one.family for one in rows if one.family is not None}
        self._banks, self._sources = {one.bank for one in rows}, {one.source for one in rows}

    def open(self, event: gr.EventData) -> FormUpdate:
        """Return families, top_k, bank and source, followed by the values of `take_mix`."""
        link = read_link(
            event._data or {}, self._examples, self._families, self._banks, self._sources
        )
        if link is None:
            return tuple([gr.skip()] * 15)
        return (
            link.families,
            link.top_k or gr.skip(),
            link.bank or gr.skip(),
            link.source or gr.skip(),
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
