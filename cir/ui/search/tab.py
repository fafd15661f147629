"""The Search tab: finds the most similar instruments of each chosen family."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from cir.ui.cards import placeholder
from cir.ui.events import ON_MODEL
from cir.ui.own.scope import build_scope_choice
from cir.ui.own.sessions import OwnLibraries
from cir.ui.search.actions import WAITING, Searching
from cir.ui.search.examples import Example
from cir.ui.search.form import build_form
from cir.ui.search.mix_input import (
    FormUpdate,
    SharedLinks,
    UploadedMixes,
    require_mix,
    take_mix,
)
from cir.ui.service import PageService
from cir.ui.theme import static_text

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def build_search_tab(
    page: gr.Blocks,
    service: PageService,
    examples: Sequence[Example],
    libraries: OwnLibraries,
    shelf: gr.State,
) -> gr.State:
    """Lay out the tab inside the current `gr.Blocks`.

    Args:
        page: The current blocks.
        service: The database.
        examples: Example mixes.
        libraries: The visitors' own sounds, which can be searched too.
        shelf: Identifies the sounds of this visitor.

    Returns:
        The visitor's last `Answer` from the database, for the map; None before the first search.
    """
    mix, answer, shown, opened = gr.State(None), gr.State(None), gr.State(None), gr.State({})
    form = build_form(service, examples, lambda: build_scope_choice(page, libraries, shelf))
    results = gr.HTML(
        placeholder(WAITING),
        js_on_load=static_text("search/results.js"),
        apply_default_css=False,
        elem_id="cir-results",
        min_height=120,
    )
    truth = gr.HTML("", apply_default_css=False, elem_id="cir-truth")
    levels = gr.HTML("", apply_default_css=False, elem_id="cir-levels", visible="hidden")
    searching = Searching(service, examples, libraries)
    search: dict[str, Any] = {
        "fn": searching.run,
        "inputs": [mix, form.start, form.end, *form.choices, form.scope, shelf],
        "outputs": [results, truth, answer, shown, opened, form.timeline, levels],
        "show_progress_on": results,
        **ON_MODEL,
        **_PRIVATE,
    }
    form.find.click(**search)
    results.click(
        searching.more_like,
        [shown, opened, shelf],
        [results, opened, levels],
        show_progress="hidden",
        concurrency_limit=8,
        **_PRIVATE,
    )

    filled = [mix, form.upload, form.recorder, form.panel, form.passage, form.start, form.end]
    filled += [results, truth, answer, form.timeline]
    reading: dict[str, Any] = {
        "outputs": filled,
        "show_progress_on": form.panel,
        "concurrency_limit": 4,
        **_PRIVATE,
    }
    uploads = UploadedMixes(libraries)
    form.upload.upload(uploads.take, [form.upload, shelf], **reading)
    form.recorder.stop_recording(uploads.take, [form.recorder, shelf], **reading)
    form.panel.click(uploads.remove, shelf, outputs=filled, queue=False, **_PRIVATE)
    for number, button in enumerate(form.examples):
        button.click(
            _example_loader(number, examples[number]),
            outputs=[form.families, *filled],
            queue=False,
            **_PRIVATE,
        ).then(**search)
    form.panel.submit(
        SharedLinks(service, examples).open,
        outputs=[*form.choices, *filled],
        show_progress="hidden",
        **_PRIVATE,
    ).then(require_mix, mix, mix, show_progress="hidden", **_PRIVATE).success(**search)
    shared = (form.panel, form.families, form.top_k, form.bank, form.source)
    gr.on(
        [one.change for one in shared],
        None,
        form.choices,
        js="(...choices) => window.cirAddress.choose(choices)",
        **_PRIVATE,
    )
    return answer


def _example_loader(number: int, example: Example) -> Callable[[], FormUpdate]:
    """Return a handler that puts an example and its families into the form."""
    return lambda: (list(example.families), *take_mix(str(example.path), number))
