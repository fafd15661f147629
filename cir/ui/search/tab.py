"""The Search tab: finds the most similar instruments of each chosen family."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from cir.ui.cards import placeholder
from cir.ui.events import ON_MODEL
from cir.ui.own.scope import build_scope_choice
from cir.ui.own.sessions import OwnLibraries
from cir.ui.search.actions import Searching
from cir.ui.search.examples import Example
from cir.ui.search.filter_fields import remember_choices
from cir.ui.search.form import build_form
from cir.ui.search.mix_input import (
    WAITING,
    SharedLinks,
    UploadedMixes,
    require_mix,
)
from cir.ui.service import PageService
from cir.ui.share.panel import build_sharing
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
    form = build_form(service, examples, lambda: build_scope_choice(libraries, shelf))
    results = gr.HTML(
        placeholder(WAITING),
        js_on_load=static_text("search/results.js"),
        apply_default_css=False,
        elem_id="cir-results",
        min_height=120,
    )
    truth = gr.HTML("", apply_default_css=False, elem_id="cir-truth")
    levels = gr.HTML("", apply_default_css=False, elem_id="cir-levels", visible="hidden")
    sounds = gr.HTML(
        "",
        js_on_load=static_text("search/compare.js"),
        apply_default_css=False,
        elem_id="cir-sounds",
        visible="hidden",
    )
    uploads = UploadedMixes(libraries)
    searching = Searching(service, examples, libraries, uploads)
    search: dict[str, Any] = {
        "fn": searching.run,
        "inputs": [mix, form.start, form.end, *form.choices, form.scope, shelf],
        "outputs": [results, truth, answer, shown, opened, form.timeline, levels],
        "show_progress_on": results,
        **ON_MODEL,
        **_PRIVATE,
    }
    asked = [shelf, *form.choices, form.scope]
    refine: dict[str, Any] = {
        "fn": searching.refine,
        "inputs": [answer, shown, *asked],
        "outputs": [results, answer, shown, opened, levels],
        "show_progress": "hidden",
        "trigger_mode": "always_last",
        "concurrency_limit": 4,
        **_PRIVATE,
    }
    fields = form.filters
    moved: list[Any] = [fields.text, *fields.sliders, form.top_k]
    picked: list[Any] = [fields.bank, fields.source, fields.licence, form.scope]
    gr.on([*(one.change for one in moved), *(one.input for one in picked)], **refine)
    form.find.click(**search).then(**refine)
    results.click(
        searching.change,
        [answer, shown, opened, shelf],
        [results, answer, shown, opened, levels],
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=1,  # one click after the other, as each changes the states
        **_PRIVATE,
    )
    sounds.click(
        searching.compare,
        [shown, opened, shelf],
        sounds,
        show_progress="hidden",
        concurrency_limit=2,
        trigger_mode="multiple",  # the browser ignores answers to earlier clicks
        **_PRIVATE,
    )

    filled = [mix, form.upload, form.recorder, form.panel, form.start, form.end]
    filled += search["outputs"]
    arriving: dict[str, Any] = {
        "outputs": filled,
        "show_progress_on": results,
        "trigger_mode": "always_last",
        **ON_MODEL,
        **_PRIVATE,
    }
    form.upload.upload(searching.take_upload, [form.upload, *asked], **arriving).then(**refine)
    form.recorder.stop_recording(searching.take_upload, [form.recorder, *asked], **arriving).then(
        **refine
    )
    form.panel.click(uploads.remove, shelf, outputs=filled, queue=False, **_PRIVATE)
    for number, button in enumerate(form.examples):
        button.click(searching.example_taker(number), asked, **arriving).then(**refine)
    form.panel.submit(
        SharedLinks(service, examples).open,
        outputs=[*form.choices, *filled],
        show_progress="hidden",
        **_PRIVATE,
    ).then(require_mix, mix, mix, show_progress="hidden", **_PRIVATE).success(**search)
    remember_choices(page, form.filters, service)
    build_sharing(service, answer, search["outputs"])
    shared: list[Any] = [form.panel, *form.choices]
    gr.on(
        [one.change for one in shared],
        None,
        form.choices,
        js="(...choices) => window.cirAddress.choose(choices)",
        **_PRIVATE,
    )
    return answer
