"""The form of the Search tab."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from cir.instruments.families import FAMILIES, family_label
from cir.ui.search.examples import Example, credits_note
from cir.ui.search.filter_fields import FilterFields, build_filters
from cir.ui.search.mixes import MAX_SECONDS
from cir.ui.server.request_limits import MAX_FILE_MB
from cir.ui.service import MAX_TOP_K, PageService
from cir.ui.theme import static_text


@dataclass(frozen=True)
class SearchForm:
    """The components of the form."""

    upload: gr.File
    recorder: gr.Audio
    panel: gr.HTML
    """The mix; its close button triggers `click`, the address of the page triggers `submit`."""
    start: gr.Number
    end: gr.Number
    timeline: gr.HTML
    examples: list[gr.Button]
    families: gr.CheckboxGroup
    scope: gr.Radio
    filters: FilterFields
    top_k: gr.Slider
    find: gr.Button

    @property
    def choices(self) -> list[gr.components.Component]:
        """Components that a shared address sets, in the order of `static/address.js`."""
        return [self.families, self.top_k, *self.filters.all]


def build_form(
    service: PageService, examples: Sequence[Example], build_scope: Callable[[], gr.Radio]
) -> SearchForm:
    """Lay out the form inside the current `gr.Blocks`.

    Args:
        service: The database.
        examples: Each gets a button.
        build_scope: Lays out the choice of the sounds to search.
    """
    parts: dict[str, Any] = {}
    info = service.database.info()
    with gr.Row(elem_id="cir-form"):
        with gr.Column(scale=3, min_width=320):
            parts["upload"] = gr.File(
                label=f"Drop or paste your mix ({MAX_SECONDS / 60:.0f} min, {MAX_FILE_MB} MB)",
                height=150,
                elem_id="cir-mix",
            )
            parts["panel"] = gr.HTML(
                "",
                js_on_load=static_text("search/mix.js"),
                apply_default_css=False,
                elem_id="cir-panel",
            )
            # The style sheet shows it beside a mix. Were it built only then, Gradio would set its
            # fields once more a frame later, over a passage that was chosen meanwhile.
            with gr.Row(elem_id="cir-region"):
                parts["start"] = gr.Number(
                    0, label="From (seconds)", min_width=120, elem_id="cir-from"
                )
                parts["end"] = gr.Number(0, label="To (seconds)", min_width=120, elem_id="cir-to")
            parts["timeline"] = gr.HTML("", apply_default_css=False, elem_id="cir-where")
            parts["examples"] = _example_buttons(examples)
            with gr.Accordion("Or record one", open=False):
                parts["recorder"] = gr.Audio(
                    label="Record",
                    sources=["microphone"],
                    type="filepath",
                    buttons=[],
                    elem_id="cir-record",
                )
        with gr.Column(scale=2, min_width=300):
            parts["families"] = gr.CheckboxGroup(
                _family_choices(info.families),
                value=[],
                label="What to look for",
                info="Tick none to look for what is heard in the mix. Numbers count instruments.",
                elem_id="cir-families",
            )
            parts["scope"] = build_scope()
            parts["filters"] = build_filters(service)
            parts["top_k"] = gr.Slider(1, MAX_TOP_K, value=5, step=1, label="Matches per family")
            parts["find"] = gr.Button("Find the instruments", variant="primary", elem_id="cir-find")
    return SearchForm(**parts)


def _family_choices(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """List the families that have instruments as (label with count, slug)."""
    return [(f"{family_label(slug)} ({counts[slug]})", slug) for slug in FAMILIES if slug in counts]


def _example_buttons(examples: Sequence[Example]) -> list[gr.Button]:
    """Lay out a button for each example."""
    if not examples:
        return []
    gr.HTML(
        '<p class="cir-hint">No mix at hand? Try one of these. The model was not trained on their '
        "instruments.</p>",
        apply_default_css=False,
        elem_id="cir-example-hint",
    )
    with gr.Row(elem_id="cir-examples"):
        buttons = [gr.Button(one.title, size="sm", min_width=150) for one in examples]
    gr.HTML(credits_note(examples), apply_default_css=False, elem_id="cir-example-credits")
    return buttons
