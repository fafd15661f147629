"""The Search tab: a mix in, the most similar instruments of each chosen family out."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from cir.errors import CirError
from cir.instruments.families import FAMILIES, family_label
from cir.retrieval import DEFAULT_FAMILIES
from cir.ui.cards import (
    family_tag,
    instrument_lines,
    message,
    placeholder,
    play_button,
    results_page,
)
from cir.ui.examples import Example, credits_note
from cir.ui.service import MAX_SECONDS, MAX_TOP_K, Answer, PageService, Truth
from cir.ui.theme import static_text

MODEL_QUEUE = "model"
"""Events that run the model share this queue."""

WAITING = "Upload a mix, record one or pick an example, then press Find the instruments."


def build_search_tab(service: PageService, examples: Sequence[Example]) -> gr.State:
    """Lay out the tab inside the current `gr.Blocks`.

    Returns:
        The visitor's last `Answer` (None before the first), for the map.
    """
    answer = gr.State(None)
    chosen = gr.State(None)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            mix = gr.Audio(
                label=f"Your mix (up to {MAX_SECONDS / 60:.0f} minutes)",
                sources=["upload", "microphone"],
                type="filepath",
                buttons=[],
                elem_id="cir-mix",
            )
            buttons = _example_buttons(examples)
        with gr.Column(scale=2, min_width=300):
            families = gr.CheckboxGroup(
                _family_choices(service),
                value=list(DEFAULT_FAMILIES),
                label="What to look for",
                info="One list of matches for each; in brackets, how many the database has.",
                elem_id="cir-families",
            )
            top_k = gr.Slider(1, MAX_TOP_K, value=5, step=1, label="Matches per family")
            find = gr.Button("Find the instruments", variant="primary", elem_id="cir-find")
    results = gr.HTML(
        placeholder(WAITING),
        js_on_load=static_text("results.js"),
        apply_default_css=False,
        elem_id="cir-results",
        min_height=120,
    )
    truth = gr.HTML("", apply_default_css=False, elem_id="cir-truth")

    def run(
        mix: str | None,
        families: list[str],
        top_k: float,
        chosen: int | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> tuple[str, str, Answer | None]:
        try:
            found = service.search(
                mix, families, top_k, lambda done, words: progress(done, desc=words)
            )
            known = "" if chosen is None else _truth_panel(service, examples[chosen], found)
        except CirError as error:
            return message("This search did not work", str(error)), "", None
        return results_page(found.results, Path(str(mix)), found.seconds), known, found

    search: dict[str, Any] = {
        "fn": run,
        "inputs": [mix, families, top_k, chosen],
        "outputs": [results, truth, answer],
        "show_progress_on": results,
        "concurrency_limit": 1,
        "concurrency_id": MODEL_QUEUE,
        "api_visibility": "private",
    }
    find.click(**search)
    for number, button in enumerate(buttons):
        button.click(
            _example_loader(number, examples[number]),
            outputs=[mix, families, chosen],
            queue=False,
            api_visibility="private",
        ).then(**search)
    mix.input(
        lambda: (None, None, placeholder(WAITING), ""),
        outputs=[chosen, answer, results, truth],
        queue=False,
        api_visibility="private",
    )
    return answer


def _family_choices(service: PageService) -> list[tuple[str, str]]:
    """List the families that the database has, as (label with count, slug)."""
    counts = {family: 0 for family in FAMILIES}
    for instrument in service.instruments:
        if instrument.family is not None:
            counts[instrument.family] += 1
    return [(f"{family_label(slug)} ({n})", slug) for slug, n in counts.items() if n]


def _example_buttons(examples: Sequence[Example]) -> list[gr.Button]:
    """Lay out a button for each example."""
    if not examples:
        return []
    gr.HTML(
        '<p class="cir-hint">No mix at hand? These were made from instruments that the model has '
        "never heard in training; see for yourself how many it finds.</p>",
        apply_default_css=False,
    )
    with gr.Row(elem_id="cir-examples"):
        buttons = [gr.Button(one.title, size="sm", min_width=150) for one in examples]
    gr.HTML(credits_note(examples), apply_default_css=False, elem_id="cir-example-credits")
    return buttons


def _example_loader(number: int, example: Example) -> Callable[[], tuple[str, list[str], int]]:
    """Make a function that puts one example, and the families in it, into the form."""
    return lambda: (str(example.path), list(example.families), number)


def _truth_panel(service: PageService, example: Example, answer: Answer) -> str:
    """Render what really is in an example, closed until it is asked for."""
    items = "".join(
        _truth_item(service.truth(instrument_id, answer.queries))
        for instrument_id in example.instrument_ids
    )
    return (
        '<details class="cir-truth"><summary>Show what really is in this mix</summary>'
        "<p>The instruments that played it, and where the search ranked each among all of its "
        f'family.</p><ul class="cir-list">{items}</ul></details>'
    )


def _truth_item(truth: Truth | None) -> str:
    if truth is None:
        return (
            '<li class="cir-card"><div></div><div class="cir-meta">One more, of a family that was '
            "not searched.</div></li>"
        )
    one = truth.match.instrument
    return (
        f'<li class="cir-card" data-instrument="{escape(one.instrument_id)}">'
        f"{play_button(truth.match.preview, f'Play {one.name}')}"
        f'<div><div class="cir-name">{escape(one.name)}</div>'
        f'<div class="cir-meta">{family_tag(one.family)}</div>{instrument_lines(one)}</div>'
        f'<div class="cir-score"><span class="cir-found">ranked {truth.match.rank} '
        f"of {truth.candidates}</span></div></li>"
    )
