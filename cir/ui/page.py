"""The whole page: header, three tabs and the endpoint, on one model and one database."""

import gradio as gr

from cir.ui.about_tab import build_about_tab
from cir.ui.api import build_api
from cir.ui.examples import load_examples
from cir.ui.map_tab import build_map_tab
from cir.ui.search_tab import build_search_tab
from cir.ui.service import PageService

TITLE = "Which instrument is that?"
_HEADER = (
    f'<header class="cir-header"><h1>{TITLE}</h1><p>Upload a mix and hear the presets that sound '
    "most like each instrument in it.</p></header>"
)
_HOUR_SECONDS = 3600
_QUEUE_LENGTH = 32


def build_page(service: PageService) -> gr.Blocks:
    """Build the page; launch it with `cir.ui.theme.launch_options`.

    Args:
        service: answers its searches.

    Raises:
        DataError: the example mixes are damaged.
    """
    examples = [one for one in load_examples() if service.has(one.instrument_ids)]
    names = [one.instrument_id for one in service.instruments]
    sounds = (find(name) for name in names for find in (service.preview, service.phrase))
    folders = {path.parent for path in sounds if path is not None}
    gr.set_static_paths(sorted(folders | {one.path.parent for one in examples}))
    # Uploads older than an hour are removed, once an hour.
    page: gr.Blocks
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(_HOUR_SECONDS, _HOUR_SECONDS)
    ) as page:
        gr.HTML(_HEADER, apply_default_css=False)
        with gr.Tabs():
            with gr.Tab("Search"):
                answer = build_search_tab(service, examples)
            with gr.Tab("Timbre map"):
                build_map_tab(service, answer)
            with gr.Tab("About"):
                build_about_tab(service)
        build_api(service)
    page.queue(max_size=_QUEUE_LENGTH)
    return page
