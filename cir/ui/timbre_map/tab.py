"""The Timbre map tab: all instruments of the database, and the last search among them."""

import gzip
import json
from typing import Any

import gradio as gr
from fastapi import Response
from gradio.processing_utils import save_bytes_to_cache

from cir.errors import CirError
from cir.ui.cards import message, placeholder
from cir.ui.service import Answer, PageService
from cir.ui.theme import static_text
from cir.ui.timbre_map.html import map_skeleton
from cir.ui.timbre_map.map_json import map_points, map_selection, map_stars
from cir.ui.timbre_map.saved_page import timbre_page

_PARTS = "data view points overlay parts stage pointer keys tools filter card list playlist map"
SCRIPTS = tuple(f"timbre_map/{name}.js" for name in _PARTS.split())
"""The script of the map in parts; the last one connects what the others define."""

_PRESS_DOWNLOAD = """() => {
  const press = (triesLeft) => {
    const button = document.querySelector("#cir-map-saved");
    if (button) button.click();
    else if (triesLeft) setTimeout(press, 100, triesLeft - 1);
  };
  setTimeout(press, 100, 100);
}"""
"""Presses the hidden download button after Gradio has given it its file, and loaded its code."""


def build_map_tab(service: PageService, answer: gr.State) -> None:
    """Lay out the tab inside the current `gr.Blocks`.

    A browser loads the points once, when it first opens the tab. Then each click sends one request
    to the server, and each search sends its stars as the value of the component.

    Args:
        service: The model and the database.
        answer: The visitor's last search.
    """
    if service.coordinates is None:
        gr.HTML(placeholder("This database was built without a map."), apply_default_css=False)
        return
    packed = gzip.compress(json.dumps(map_points(service), separators=(",", ":")).encode(), mtime=0)

    def points(_: Any) -> Response:
        # Gradio compresses files only; compression leaves a third of the size here.
        return Response(packed, media_type="application/json", headers={"Content-Encoding": "gzip"})

    def select(instrument_id: Any) -> dict[str, Any]:
        try:
            return map_selection(service, str(instrument_id))
        except CirError as error:
            return {"card": message("Nothing to play", str(error)), "neighbours": []}

    def stars(answer: Answer | None) -> list[dict[str, Any]]:
        return map_stars(service, answer)

    def save(answer: Answer | None) -> str:
        page = timbre_page(service, answer).encode()
        path: str = save_bytes_to_cache(page, "timbre-map.html", saved.GRADIO_CACHE)
        return path

    the_map = gr.HTML(
        [],
        html_template=map_skeleton(service),
        js_on_load=static_text(*SCRIPTS),
        apply_default_css=False,
        server_functions=[points, select],
        elem_id="cir-map",
    )
    saved = gr.DownloadButton(visible="hidden", elem_id="cir-map-saved")
    private: dict[str, Any] = {
        "concurrency_limit": 4,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    answer.change(stars, answer, the_map, **private)
    the_map.save(save, answer, saved, **private).success(
        None, js=_PRESS_DOWNLOAD, api_visibility="private"
    )
