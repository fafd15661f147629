"""The Search tab: a mix in, the most similar instruments of each chosen family out."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from cir.ui.cards import placeholder
from cir.ui.own.scope import build_scope_choice
from cir.ui.own.sessions import OwnLibraries
from cir.ui.search.actions import WAITING, Searching
from cir.ui.search.examples import Example
from cir.ui.search.form import build_form
from cir.ui.search.mix_input import Addressed, Arrival, Uploaded, arrive, present
from cir.ui.service import PageService
from cir.ui.theme import static_text

MODEL_QUEUE = "model"
"""Events that run the model share this queue."""

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
        page: these.
        service: the database that is searched.
        examples: mixes that it can be asked about.
        libraries: the visitors' own sounds, which can be searched as well.
        shelf: says which of them are this visitor's.

    Returns:
        The visitor's last `Answer` (None before the first) from the database, for the map.
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
        "concurrency_limit": 1,
        "concurrency_id": MODEL_QUEUE,
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

    arrival = [mix, form.inbox, form.recorder, form.panel, form.passage, form.start, form.end]
    arrival += [results, truth, answer, form.timeline]
    reading: dict[str, Any] = {
        "outputs": arrival,
        "show_progress_on": form.panel,
        "concurrency_limit": 4,
        **_PRIVATE,
    }
    uploaded = Uploaded(libraries)
    form.inbox.upload(uploaded.arrive, [form.inbox, shelf], **reading)
    form.recorder.stop_recording(uploaded.arrive, [form.recorder, shelf], **reading)
    form.panel.click(uploaded.leave, shelf, outputs=arrival, queue=False, **_PRIVATE)
    for number, button in enumerate(form.examples):
        button.click(
            _example_loader(number, examples[number]),
            outputs=[form.families, *arrival],
            queue=False,
            **_PRIVATE,
        ).then(**search)
    form.panel.submit(
        Addressed(service, examples).open,
        outputs=[*form.choices, *arrival],
        show_progress="hidden",
        **_PRIVATE,
    ).then(present, mix, mix, show_progress="hidden", **_PRIVATE).success(**search)
    told = (form.panel, form.families, form.top_k, form.bank, form.source)
    gr.on(
        [one.change for one in told],
        None,
        form.choices,
        js="(...choices) => window.cirAddress.choose(choices)",
        **_PRIVATE,
    )
    return answer


def _example_loader(number: int, example: Example) -> Callable[[], Arrival]:
    """Make a function that puts one example, and the families in it, into the form."""
    return lambda: (list(example.families), *arrive(str(example.path), number))
