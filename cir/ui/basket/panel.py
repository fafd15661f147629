"""The panel of the basket: what the browser keeps, shown, packed and searched by."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from cir.errors import CirError, InputError
from cir.types import Match
from cir.ui.basket.archive import write_zip
from cir.ui.basket.html import basket_panel
from cir.ui.basket.picks import Pick, find_picks, read_entries
from cir.ui.cards import message
from cir.ui.events import report_to
from cir.ui.own.scope import embeddings_by_id
from cir.ui.own.sessions import OwnLibraries, Shelf
from cir.ui.service import PageService
from cir.ui.theme import static_text

ZIP_NAME = "sounds.zip"
_ALIKE = 10


def build_basket(service: PageService, libraries: OwnLibraries, shelf: gr.State) -> None:
    """Lay out the basket inside the current `gr.Blocks`, in front of all tabs.

    Args:
        service: The database.
        libraries: The visitors' own sounds, which can be collected too.
        shelf: Identifies the sounds of this visitor.
    """
    panel = gr.HTML(
        "",
        js_on_load=static_text("basket/panel.js"),
        apply_default_css=False,
        elem_id="cir-basket",
    )
    act = Basket(service, libraries).act
    options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    # Every change is answered, in order; otherwise Gradio drops those during an answer.
    panel.click(act, shelf, panel, trigger_mode="multiple", concurrency_limit=1, **options)
    panel.submit(act, shelf, panel, concurrency_limit=4, **options)
    # Own sounds in the basket are known once those of an earlier visit are there.
    shelf.change(None, js="() => window.cirBasket.own()", api_visibility="private")


class Basket:
    """The handler of the panel."""

    def __init__(self, service: PageService, libraries: OwnLibraries) -> None:
        self._service = service
        self._libraries = libraries

    def act(
        self,
        shelf: Shelf,
        event: gr.EventData,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio finds it by this default
    ) -> str:
        """Show what the browser keeps; pack it, or search what is like it, if that is asked."""
        asked: Mapping[str, Any] = event._data or {}
        basket: list[Pick] = []
        favourites: list[Pick] = []
        try:
            basket, favourites = (
                find_picks(read_entries(asked.get(name, [])), self._service, self._libraries, shelf)
                for name in ("basket", "favourites")
            )
            if asked.get("do") == "zip":
                target = self._libraries.session_folder(shelf) / "basket" / ZIP_NAME
                target.parent.mkdir(parents=True, exist_ok=True)
                write_zip(basket, target, report_to(progress))
                return basket_panel(basket, favourites, ready=target)
            if asked.get("do") == "like":
                return basket_panel(basket, favourites, alike=self._alike(basket, shelf))
        except CirError as error:
            said = message("This did not work", str(error))
            return basket_panel(basket, favourites, said=said)
        return basket_panel(basket, favourites)

    def _alike(self, basket: Sequence[Pick], shelf: Shelf) -> list[Match]:
        """Return the instruments nearest to the mean direction of those in the basket."""
        known = embeddings_by_id(self._service, self._libraries.of(shelf).database)
        if not basket:
            raise InputError("The basket is empty; put sounds into it first.")
        chosen = {pick.sent.id for pick in basket}
        mean = np.mean([known[name] for name in sorted(chosen)], axis=0)
        ranking = self._service.database.ranking(mean)
        return ranking.only(lambda one: one.instrument_id not in chosen).top(_ALIKE)
