"""The web page: `python app.py`, or a Hugging Face Space.

PORT chooses the port (7860), GRADIO_SERVER_NAME the address (this machine only).
"""

import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from cir.errors import CirError
from cir.index.database import InstrumentDatabase
from cir.types import Encoder
from cir.ui.page import build_page
from cir.ui.serve import serve
from cir.ui.service import PageService


def build_app(
    encoder: Encoder | None = None, database: InstrumentDatabase | None = None
) -> gr.Blocks:
    """Build the page on a model and a database; the bundled ones where none are given.

    Launch it with `build_app().launch(**cir.ui.theme.launch_options())`.
    """
    return build_page(PageService(encoder, database))


if __name__ == "__main__":
    try:
        serve()
    except CirError as error:
        sys.exit(f"cir: {error}")
