"""The Your sounds tab: a database of the visitor's files, folders, sound fonts and presets."""

from typing import Any

import gradio as gr

from cir.instruments.families import FAMILIES, family_label
from cir.ui.cards import placeholder
from cir.ui.own.event_handlers import OwnHandlers
from cir.ui.own.html import EMPTY, drop_zone, where_kept
from cir.ui.own.sessions import EXPORT_NAME, OwnLibraries, new_shelf
from cir.ui.theme import static_text

ADDING_QUEUE = "own-sounds"
"""Queue of events that add sounds: one at a time, separate from searches."""

_STORAGE_KEY = "cir-own-sounds"
_FROM_SOUNDS = ("From folder and file names", "")


def own_shelf(libraries: OwnLibraries) -> gr.State:
    """Add the state that identifies a visitor's sounds to the current `gr.Blocks`."""
    shelf = gr.State(new_shelf, delete_callback=libraries.forget)
    # Gradio makes the value when it is first read. Its load event would make another one, perhaps
    # after `OwnHandlers.resume` has found that of an earlier visit, whose sounds would be lost.
    shelf.load_event_to_attach = None
    return shelf


def kept_token() -> gr.BrowserState:
    """Add what a browser keeps of its visit to the current `gr.Blocks`.

    It must not be in a tab: what is in a hidden one is not read from the browser when the page
    loads.
    """
    return gr.BrowserState("", storage_key=_STORAGE_KEY)


def build_own_tab(
    page: gr.Blocks,
    tab: gr.Tab,
    libraries: OwnLibraries,
    shelf: gr.State,
    kept: gr.BrowserState,
) -> None:
    """Lay out the tab inside the current `gr.Blocks`.

    Args:
        page: Blocks whose load event shows the sounds of earlier visits.
        tab: The tab; what was sent to its list while it was hidden may be lost.
        libraries: The sounds of all visitors.
        shelf: State of `own_shelf`; it changes whenever the visitor's sounds do.
        kept: What `kept_token` added.
    """
    handlers = OwnHandlers(libraries)
    chosen, added = gr.State(()), gr.State(())
    review, turned_to = gr.State(None), gr.State(0)
    gr.HTML(where_kept(libraries.kept_in), apply_default_css=False)
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            drop = gr.HTML(
                "",
                html_template=drop_zone(),
                js_on_load=static_text("own/drop.js"),
                apply_default_css=False,
                elem_id="cir-own-drop",
            )
            files = gr.HTML(
                "",
                js_on_load=static_text("own/plan.js"),
                apply_default_css=False,
                elem_id="cir-own-files",
            )
        with gr.Column(scale=2, min_width=300):
            labels = _label_fields()
            add = gr.Button("Add the sounds", variant="primary", elem_id="cir-own-add")
            stop = gr.Button("Stop", visible=False, elem_id="cir-own-stop")
    report = gr.HTML("", apply_default_css=False, elem_id="cir-own-report", min_height=24)
    listing = gr.HTML(
        placeholder(EMPTY),
        js_on_load=static_text("own/list.js"),
        apply_default_css=False,
        elem_id="cir-own-sounds",
    )
    pack, download, bring = _archive_buttons()

    results = [report, listing, shelf, download, turned_to]
    quick: dict[str, Any] = {
        "show_progress": "hidden",
        "concurrency_limit": 4,
        "api_visibility": "private",
    }
    slow: dict[str, Any] = {
        "show_progress_on": report,
        "concurrency_limit": 1,
        "concurrency_id": ADDING_QUEUE,
        "api_visibility": "private",
    }
    # Every click is answered, one after the other, as each changes the states.
    in_turn = quick | {"trigger_mode": "multiple", "concurrency_limit": 1}
    reviewing = in_turn | {"concurrency_id": "own-review"}
    at_once: dict[str, Any] = {"queue": False, "api_visibility": "private"}
    planned = [review, files, report]
    page.load(handlers.resume, [kept, shelf], [shelf, kept], **quick).then(
        handlers.show, shelf, listing, **quick
    )
    tab.select(handlers.show, shelf, listing, **quick)
    drop.upload(
        handlers.receive,
        [chosen, shelf, *labels],
        [chosen, *planned],
        **reviewing | {"show_progress": "full", "show_progress_on": files},
    )
    files.click(handlers.choose, review, planned, **reviewing)
    gr.on(
        [labels[0].change, *(one.blur for one in labels[1:])],
        handlers.relabel,
        [chosen, shelf, *labels],
        planned,
        **reviewing,
    )
    add.click(
        handlers.add,
        [chosen, review, shelf, *labels],
        [*results, added, stop],
        **slow | {"show_progress": "hidden"},
    ).then(
        handlers.forget_added,
        [chosen, review, added, shelf, *labels],
        [chosen, *planned],
        **reviewing,
    )
    stop.click(handlers.stop, shelf, **at_once)
    listing.click(handlers.act, [shelf, turned_to], results, **in_turn)
    pack.click(handlers.export, shelf, [report, download], **slow)
    bring.upload(handlers.restore, [bring, shelf], results, **slow)


def _label_fields() -> list[Any]:
    """Lay out the labels for all sounds: family, bank, author, licence."""
    families = [_FROM_SOUNDS, *((family_label(slug), slug) for slug in FAMILIES)]
    family = gr.Dropdown(
        families,
        value="",
        label="Family of these sounds",
        info="A search for this family finds them.",
        elem_id="cir-own-family",
    )
    with gr.Accordion("Bank, author and licence", open=False):
        bank = gr.Textbox(label="Bank", info="Default: folder, zip or SoundFont.", max_length=80)
        author = gr.Textbox(label="Author", max_length=120)
        licence = gr.Textbox(label="Licence", max_length=120)
    return [family, bank, author, licence]


def _archive_buttons() -> tuple[gr.Button, gr.DownloadButton, gr.UploadButton]:
    """Lay out the buttons for export, download and import."""
    with gr.Row(elem_id="cir-own-archive"):
        pack = gr.Button("Export as a zip", size="sm", elem_id="cir-own-export")
        download = gr.DownloadButton(
            f"Download {EXPORT_NAME}",
            visible=False,
            size="sm",
            variant="primary",
            elem_id="cir-own-download",
        )
        bring = gr.UploadButton(
            "Import an exported zip", file_types=[".zip"], size="sm", elem_id="cir-own-import"
        )
    return pack, download, bring
