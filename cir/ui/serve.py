"""Start the page: what `python app.py` and `cir app` both do."""

import logging
import os
import threading

from cir.errors import CirError, InputError
from cir.ui.page import build_page
from cir.ui.service import PageService
from cir.ui.theme import launch_options

DEFAULT_PORT = 7860
_logger = logging.getLogger(__name__)


def serve(*, host: str | None = None, port: int | None = None) -> None:
    """Serve the page until Ctrl-C.

    Args:
        host: address to listen on; None takes GRADIO_SERVER_NAME, else this machine only.
        port: TCP port; None takes PORT or GRADIO_SERVER_PORT, else 7860.

    Raises:
        InputError: the port is no number, or is in use.
        CirError: the bundled model or database cannot be opened.
    """
    number = port_from_environment() if port is None else port
    service = PageService()
    page = build_page(service)
    # The page is there before the model: a search that comes sooner waits for it.
    threading.Thread(target=_warm_up, args=[service], name="warm-up", daemon=True).start()
    try:
        page.launch(
            server_name=host, server_port=number, inbrowser=False, share=False, **launch_options()
        )
    except OSError as error:
        raise InputError(
            f"Port {number} cannot be opened ({error}); choose another one, for example PORT=7861."
        ) from error


def _warm_up(service: PageService) -> None:
    """Load the model ahead of the first search, which shows the same error if it cannot be."""
    try:
        service.warm_up()
    except CirError as error:
        _logger.warning("The model is not ready: %s", error)


def port_from_environment() -> int:
    """Read the port from PORT or GRADIO_SERVER_PORT.

    Raises:
        InputError: it is no number between 1 and 65535.
    """
    text = os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise InputError(f"The port is {text!r}; set PORT to a number from 1 to 65535.")
    return int(text)
