"""The row of buttons that share an answer, and the event that opens a shared one."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from cir.errors import CirError, InputError
from cir.instruments.families import check_families
from cir.retrieval.windows import WindowEmbeddings
from cir.ui.cards import message
from cir.ui.search.results import results_page
from cir.ui.service import MAX_TOP_K, Answer, PageService
from cir.ui.share.link import SharedAnswer, read_link, write_link
from cir.ui.theme import static_text

_OPENED = "The answer to {name}, opened from a link; the mix itself is not here."


def build_sharing(service: PageService, answer: gr.State, results: list[Any]) -> gr.HTML:
    """Lay out the buttons inside the current `gr.Blocks`.

    Args:
        service: The model and the database.
        answer: The visitor's last `Answer` from the database.
        results: Components of results, truth, answer, shown answer, opened families, timeline and
            levels, which an opened link fills.
    """
    panel = gr.HTML(
        "",
        js_on_load=static_text("share/share.js"),
        apply_default_css=False,
        elem_id="cir-share",
    )
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    answer.change(lambda found: share_buttons(service, found), answer, panel, **quiet)

    def open_shared(event: gr.EventData) -> tuple[Any, ...]:
        sent: Mapping[str, Any] = event._data or {}
        try:
            found = open_answer(service, read_link(str(sent.get("answer", ""))))
        except CirError as error:
            return message("This link cannot be opened", str(error)), "", None, None, {}, "", ""
        return results_page(found), "", found, found, {}, "", ""

    panel.submit(open_shared, None, results, **quiet)
    return panel


def share_buttons(service: PageService, answer: Answer | None) -> str:
    """Render the buttons, with the link's text; nothing without an answer."""
    if answer is None or not answer.results:
        return ""
    name = answer.title if answer.mix is None else answer.mix.name
    shared = SharedAnswer(
        service.database.identity, name, answer.queries, answer.top_k, answer.filters
    )
    return (
        f'<div class="cir-share" data-answer="{write_link(shared)}" data-mix="{escape(name)}">'
        '<button type="button" class="cir-button" data-share="link">Copy a link to this answer'
        '</button><button type="button" class="cir-button" data-share="image">Save it as an image'
        '</button><span class="cir-hint">The link holds what the model heard, not your sound.'
        "</span></div>"
    )


def open_answer(service: PageService, shared: SharedAnswer) -> Answer:
    """Answer from the embeddings of a link.

    Raises:
        InputError: Another model made it, or it asks for what this database lacks.
    """
    if shared.identity != service.database.identity:
        raise InputError(
            f"It was made with the model {shared.identity}, this page listens with "
            f"{service.database.identity}; open it with the page that made it."
        )
    families = check_families(list(shared.queries))
    vectors = np.stack([shared.queries[family] for family in families])
    windows = WindowEmbeddings(families, ((0.0, 0.0),), np.ones(1), vectors[None])
    note = _OPENED.format(name=shared.name)
    blank = Answer((), {}, 0.0, (), None, windows, shared.filters, note=note, title=shared.name)
    blank = replace(blank, top_k=min(shared.top_k, MAX_TOP_K), waiting=families)
    return service.look_up(blank)
