"""Start of the page, for `python app.py` and `cir app`."""

import logging
import os
import sys
import threading
from collections.abc import Sequence

import gradio as gr

from cir.errors import CirError, InputError
from cir.index.database import InstrumentDatabase
from cir.library.remote import DATABASE_VARIABLE, resolve_database
from cir.model.hub import MODEL_VARIABLE
from cir.types import Encoder
from cir.ui.page import build_page
from cir.ui.server.host_check import allowed_hosts
from cir.ui.server.take_home import offer_local_files
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
        host: Address to listen on; None takes GRADIO_SERVER_NAME, else this machine only.
        port: TCP port; None takes PORT or GRADIO_SERVER_PORT, else 7860.
        mcp: Whether to serve MCP too, as GRADIO_MCP_SERVER=True does.
        hosts: Further host names that the page answers to, besides those of CIR_ALLOWED_HOSTS.

    Raises:
        InputError: The port is invalid or in use, a host name is invalid, or the page does not
            answer on this machine.
        CirError: The model or the database cannot be opened.
    """
    number = check_port(port)
    with_tools = mcp or os.environ.get(_MCP_VARIABLE, "").lower() == "true"
    listen_on = host or os.environ.get("GRADIO_SERVER_NAME")
    names = allowed_hosts(hosts, listen_on)
    offer_local_files(listen_on)
    try:
        with temporary_files():
            page = _build(with_tools)
            try:
                _launch(page, host, number, names, with_tools)
            finally:
                page.close(verbose=False)  # before its temporary files are removed
    except SystemExit as ended:
        # Terminated, and cleaned up. A regular exit of Python would crash if a thread still runs
        # the model.
        sys.stdout.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)


def _build(with_tools: bool) -> gr.Blocks:
    """Build the page and warm up its model."""
    service = service_from_environment()
    page = build_page(service, with_tools=with_tools)
    if os.environ.get("SYSTEM") == "spaces":
        # At launch, the Hub's hot reloading inspects all objects. A thread that writes the Chroma
        # store at the same time fails (SystemError: bad argument to internal function).
        _warm_up(service)
    else:
        # The page starts before the model is loaded; an early search waits for it.
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
        # Gradio requests its own page after the launch, and gives up after three seconds.
        if "localhost is not accessible" not in str(error):
            raise
        raise InputError(
            "The page did not answer on this machine: it is busy, or behind a proxy "
            "(no_proxy=localhost,127.0.0.1 avoids it); start it again."
        ) from error


def service_from_environment() -> PageService:
    """Open the model and database of CIR_MODEL and CIR_DATABASE; the bundled ones by default.

    A named model is loaded at once, to compare it with the database. On ZeroGPU every model is,
    since the GPU serves only functions that exist at the launch.

    Raises:
        CirError: One of them cannot be loaded, or the database is of another model.
    """
    model, database = os.environ.get(MODEL_VARIABLE), os.environ.get(DATABASE_VARIABLE)
    return PageService(
        load_on_gpu(lambda: _load(model)) if model or is_zero_gpu() else None,
        InstrumentDatabase.open(resolve_database(database)) if database else None,
    )


def _load(model: str | None) -> Encoder:
    if is_zero_gpu():
        from cir.model.encoder import TimbreEncoder

        return TimbreEncoder.from_pretrained(model or None)
    from cir.model.loading import load_encoder

    return load_encoder(model or None)


def _warm_up(service: PageService) -> None:
    """Load the model before the first search, then write the database's Chroma store.

    On failure, the search shows the error of the model; no search needs the store. On ZeroGPU there
    is no GPU to warm up before a search.
    """
    for what, prepare in (
        ("model", None if is_zero_gpu() else service.warm_up),
        ("Chroma store", service.database.prepare),
    ):
        try:
            if prepare is not None:
                prepare()
        except CirError as error:
            _logger.warning("The %s is not ready: %s", what, error)


def check_port(port: int | None = None) -> int:
    """Return a TCP port; None takes PORT or GRADIO_SERVER_PORT, else 7860.

    Raises:
        InputError: It is not a number from 1 to 65535.
    """
    variables = (os.environ.get(name) for name in ("PORT", "GRADIO_SERVER_PORT"))
    text = str(port if port is not None else next(filter(None, variables), DEFAULT_PORT))
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise InputError(f"The port is {text!r}; choose a number from 1 to 65535 (--port, PORT).")
    return int(text)
