"""The web page: `python app.py`, or a Hugging Face Space; with --mcp an MCP server too.

PORT chooses the port (7860), GRADIO_SERVER_NAME the address (this machine only), CIR_ALLOWED_HOSTS
names that it may be reached by, beside localhost, addresses and this machine's own (a,b,c),
GRADIO_TEMP_DIR where temporary files go, CIR_MODEL and CIR_DATABASE a model and a database, each a
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
    """Build the page on a model and a database; the bundled ones where none are given.

    Launch it with `build_app().launch(**cir.ui.theme.launch_options())`; one with tools, with
    `mcp_server=True` beside these.
    """
    return build_page(PageService(encoder, database), with_tools=with_tools)


if __name__ == "__main__":
    clean_up_when_terminated()  # else sounds that visitors added stay when a container is stopped
    parser = argparse.ArgumentParser(description="Serve the web page.")
    parser.add_argument("--mcp", action="store_true", help="be an MCP server too")
    try:
        serve(mcp=parser.parse_args().mcp)
    except CirError as error:
        sys.exit(f"cir: {error}")
