"""The Timbre map tab: every instrument of the database, and the last search among them."""

from typing import Any

import gradio as gr
import plotly.graph_objects as go

from cir.errors import CirError
from cir.ui.cards import message, placeholder, selected_card
from cir.ui.service import Answer, PageService
from cir.ui.theme import static_text
from cir.ui.timbre_plot import timbre_figure

CAPTION = (
    "**How to read it.** Each point is an instrument; points close together sound alike to the "
    "model. Only neighbourhoods count: the axes mean nothing, and a gap twice as wide is not twice "
    "the difference (UMAP squeezes hundreds of dimensions into two). A star is your last mix, as "
    "heard for one family: it sits at the weighted mean of its ten most similar instruments of "
    "that family, and its lines lead to its matches (ringed), which are its true neighbours even "
    "where the flat picture puts them apart. Click a name in the legend to hide a family, "
    "double-click to see it alone; drag to move, + and \u2212 to zoom."
)
PICK = "Click a point to hear it, or choose an instrument by name."


def build_map_tab(service: PageService, answer: gr.State) -> None:
    """Lay out the tab inside the current `gr.Blocks`.

    Args:
        service: the model and the database.
        answer: the visitor's last search; its stars are drawn as soon as it changes.
    """
    if service.coordinates is None:
        gr.HTML(placeholder("This database was built without a map."), apply_default_css=False)
        return
    with gr.Row(elem_id="cir-map-row"):
        with gr.Column(scale=2, min_width=320):
            plot = gr.Plot(timbre_figure(service), show_label=False, elem_id="cir-map")
            gr.Markdown(CAPTION + _trust(service), elem_classes="cir-caption")
        with gr.Column(scale=1, min_width=320):
            names = gr.Dropdown(
                _name_choices(service),
                value=None,
                label="Find an instrument",
                info="Type a part of its name, bank or author.",
                elem_id="cir-names",
            )
            card = gr.HTML(
                placeholder(PICK),
                js_on_load=static_text("map.js"),
                apply_default_css=False,
                elem_id="cir-selected",
            )

    def show(instrument_id: str | None) -> str:
        if not instrument_id:
            return placeholder(PICK)
        try:
            return selected_card(*service.neighbours(instrument_id))
        except CirError as error:
            return message("Nothing to play", str(error))

    def clicked(event: gr.EventData) -> str:
        data: dict[str, Any] = event._data or {}
        return show(str(data.get("instrument_id", "")))

    def draw(answer: Answer | None) -> go.Figure:
        return timbre_figure(service, answer)

    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    card.click(clicked, outputs=card, concurrency_limit=8, **quick)
    names.input(show, names, card, concurrency_limit=8, **quick)
    answer.change(draw, answer, plot, concurrency_limit=4, **quick)


def _trust(service: PageService) -> str:
    """Say how far this map can be trusted, where that was measured."""
    measured = service.database.info().map_trustworthiness
    if measured is None:
        return ""
    return (
        f" Trustworthiness of this map: {measured:.3f}; at 1, no point would sit among neighbours "
        "that are not its own."
    )


def _name_choices(service: PageService) -> list[tuple[str, str]]:
    """List all instruments by name, with what tells two of one name apart."""
    rows = sorted(service.instruments, key=lambda one: (one.name.casefold(), one.instrument_id))
    return [
        (f"{one.name} ({one.category}, {one.bank}, {one.author})", one.instrument_id)
        for one in rows
    ]
