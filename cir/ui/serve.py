"""Start the page: what `python app.py` and `cir app` both do."""

import logging
import os
import sys
import threading
from collections.abc import Sequence

import gradio as gr

from cir.errors import CirError, InputError
from cir.index.database import InstrumentDatabase
from cir.index.hub import DATABASE_VARIABLE, resolve_database
from cir.model.hub import MODEL_VARIABLE
from cir.types import Encoder
from cir.ui.page import build_page
from cir.ui.server.host_check import allowed_hosts
from cir.ui.server.temporary_files import temporary_files
from cir.ui.service import PageService
from cir.ui.theme import launch_options
from cir.ui.zero_gpu import is_zero_gpu, load_on_gpu

DEFAULT_PORT = 7860
_MCP_VARIABLE = "GRADIO_MCP_SERVER"
_logger = logging.getLogger(__name__)


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    mcp: bool = False,
    hosts: Sequence[str] = (),
) -> None:
    """Serve the page until Ctrl-C.

    CIR_MODEL and CIR_DATABASE name another model and database than the bundled ones.

    Args:
        host: address to listen on; None takes GRADIO_SERVER_NAME, else this machine only.
        port: TCP port; None takes PORT or GRADIO_SERVER_PORT, else 7860.
        mcp: be an MCP server too; GRADIO_MCP_SERVER says so as well.
        hosts: more names that the page answers to; CIR_ALLOWED_HOSTS says so as well.

    Raises:
        InputError: the port is no number or is in use, a host is no name, or the page does not
            answer on this machine.
        CirError: the model or the database cannot be opened.
    """
    number = port_from_environment() if port is None else port
    with_tools = mcp or os.environ.get(_MCP_VARIABLE, "").lower() == "true"
    names = allowed_hosts(hosts, host or os.environ.get("GRADIO_SERVER_NAME"))
    try:
        with temporary_files():
            page = _build(with_tools)
            try:
                _launch(page, host, number, names, with_tools)
            finally:
                page.close(verbose=False)  # what it still writes is removed after that
    except SystemExit as ended:
        # Terminated, and cleaned up. Where Python ends as usual, a thread that is within the model
        # (it warms up, or searches) aborts the process instead.
        sys.stdout.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)


def _build(with_tools: bool) -> gr.Blocks:
    """Build the page, and let its model warm up."""
    service = service_from_environment()
    page = build_page(service, with_tools=with_tools)
    if os.environ.get("SYSTEM") == "spaces":
        # At launch, the Hub's hot reloading looks through all objects there are. A thread that
        # builds the index meanwhile fails (SystemError: bad argument to internal function).
        _warm_up(service)
    else:
        # The page is there before the model: a search that comes sooner waits for it.
        threading.Thread(target=_warm_up, args=[service], name="warm-up", daemon=True).start()
    return page


def _launch(
    page: gr.Blocks, host: str | None, port: int, names: Sequence[str], with_tools: bool
) -> None:
    try:
        page.launch(
            server_name=host,
            server_port=port,
            inbrowser=False,
            share=False,
            mcp_server=with_tools,
            **launch_options(names),
        )
    except OSError as error:
        raise InputError(
            f"Port {port} cannot be opened ({error}); choose another one, for example PORT=7861."
        ) from error
    except ValueError as error:
        # Gradio asks itself for the page once it serves, and gives up after three seconds.
        if "localhost is not accessible" not in str(error):
            raise
        raise InputError(
            "The page was started but did not answer on this machine: it is busy, or a proxy "
            "stands between (no_proxy=localhost,127.0.0.1 goes around it); start it again."
        ) from error


def service_from_environment() -> PageService:
    """Open the model and database of CIR_MODEL and CIR_DATABASE, the bundled ones without them.

    A model that was named is loaded at once, to be compared with the database; so is any on
    ZeroGPU, where the GPU is given to what was there when the page was launched.

    Raises:
        CirError: one of them cannot be had, or they do not belong together.
    """
    model, database = os.environ.get(MODEL_VARIABLE), os.environ.get(DATABASE_VARIABLE)
    return PageService(
        load_on_gpu(lambda: _load(model)) if model or is_zero_gpu() else None,
        InstrumentDatabase.open(resolve_database(database)) if database else None,
    )


def _load(model: str | None) -> Encoder:
    from cir.model.encoder import TimbreEncoder

    return TimbreEncoder.from_pretrained(model or None)


def _warm_up(service: PageService) -> None:
    """Load the model ahead of the first search, which shows the same error if it cannot be.

    On ZeroGPU there is no GPU to warm up before a visitor asks for one.
    """
    try:
        if is_zero_gpu():
            service.database.prepare()
        else:
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
