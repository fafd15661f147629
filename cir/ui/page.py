"""The page: header, tabs and endpoints, on one model and one database."""

import gradio as gr

from cir.ui.about_tab import build_about_tab
from cir.ui.api.arguments import CheckedBlocks
from cir.ui.api.endpoints import API_NAMES, build_api, hide_other_events
from cir.ui.api.mcp_tools import MCP_TOOLS, build_tools
from cir.ui.basket.panel import build_basket
from cir.ui.learn.tab import build_learn_tab
from cir.ui.own.sessions import OwnLibraries, library_folder
from cir.ui.own.tab import build_own_tab, kept_token, own_shelf
from cir.ui.search.examples import load_examples
from cir.ui.search.tab import build_search_tab
from cir.ui.server.fair_queue import share_fairly
from cir.ui.service import PageService
from cir.ui.timbre_map.tab import build_map_tab

TITLE = "Which instrument is that?"
_HEADER = (
    f'<header class="cir-header"><h1>{TITLE}</h1><p>Upload a mix and hear the presets that sound '
    "most like each instrument in it.</p></header>"
)
_HOUR_SECONDS = 3600


def build_page(service: PageService, *, with_tools: bool = False) -> gr.Blocks:
    """Build the page; launch it with `cir.ui.theme.launch_options`.

    Args:
        service: The model and the database.
        with_tools: Whether to add the tools of an MCP server.

    Raises:
        DataError: The example mixes are damaged.
        DatabaseError: The folder for own sounds holds something else.
    """
    libraries = OwnLibraries(service, library_folder())
    examples = [one for one in load_examples() if service.has(one.instrument_ids)]
    folders = set(service.database.sound_folders)
    gr.set_static_paths(sorted(folders | {one.path.parent for one in examples}))
    # Gradio removes uploads older than an hour, once an hour.
    page: gr.Blocks
    with CheckedBlocks(
        title=TITLE, analytics_enabled=False, delete_cache=(_HOUR_SECONDS, _HOUR_SECONDS)
    ) as page:
        gr.HTML(_HEADER, apply_default_css=False)
        shelf, kept = own_shelf(libraries), kept_token()
        with gr.Tabs(overflow_behavior="wrap"):  # phones show all tabs
            with gr.Tab("Search"):
                answer = build_search_tab(page, service, examples, libraries, shelf)
            with gr.Tab("Timbre map"):
                build_map_tab(service, answer)
            with gr.Tab("Your sounds") as own:
                build_own_tab(page, own, libraries, shelf, kept)
            with gr.Tab("Learn"):
                build_learn_tab(service)
            with gr.Tab("About"):
                build_about_tab(service)
        build_basket(service, libraries, shelf)
        build_api(service)
        if with_tools:
            build_tools(service)
    hide_other_events(page, (*API_NAMES, *MCP_TOOLS))
    share_fairly(page)
    return page
