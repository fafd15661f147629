"""The web page: `python app.py`, or a Hugging Face Space; with --mcp an MCP server too.

Environment variables, with defaults in brackets: PORT (7860), GRADIO_SERVER_NAME, the address to
listen on (this machine only), CIR_ALLOWED_HOSTS, further host names of the page, as a,b,c (none),
GRADIO_TEMP_DIR, the folder for temporary files (the system's), CIR_MODEL and CIR_DATABASE, each a
folder or a Hub id (the bundled ones).
"""

import argparse
import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from cir.cli.termination import clean_up_when_terminated
from cir.errors import CirError
from cir.index.database import InstrumentDatabase
from cir.types import Encoder
from cir.ui.page import build_page
from cir.ui.serve import serve
from cir.ui.service import PageService


def build_app(
    encoder: Encoder | None = None,
    database: InstrumentDatabase | None = None,
    *,
    with_tools: bool = False,
) -> gr.Blocks:
    """Build the page on a model and a database; the bundled ones by default.

    Launch it with `build_app().launch(**cir.ui.theme.launch_options())`; with tools, also pass
    `mcp_server=True`.
    """
    return build_page(PageService(encoder, database), with_tools=with_tools)


if __name__ == "__main__":
    clean_up_when_terminated()  # removes visitors' sounds when a container is stopped
    parser = argparse.ArgumentParser(description="Serve the web page.")
    parser.add_argument("--mcp", action="store_true", help="serve MCP too")
    try:
        serve(mcp=parser.parse_args().mcp)
    except CirError as error:
        sys.exit(f"cir: {error}")
