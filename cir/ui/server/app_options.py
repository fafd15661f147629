"""Options of the web application: middleware, error handlers and clean-up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from gradio.block_function import BlockFunction
from gradio.blocks import Blocks
from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from gradio.state_holder import StateHolder
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cir.ui.server.host_check import HostCheck
from cir.ui.server.request_limits import RequestLimits
from cir.ui.server.take_home import take_home_routes

KEPT_FOR = timedelta(hours=1)
"""Gradio keeps the states of a closed page for the same time."""

_INTERVAL_SECONDS = 60.0
_API_PATHS = tuple(f"/gradio_api/{kind}/" for kind in ("api", "call", "queue", "run"))


@asynccontextmanager
async def forgetting_visits(app: App) -> AsyncIterator[None]:
    """Remove ended visits regularly while the application runs."""
    task = asyncio.create_task(_forget_regularly(app.state_holder))
    try:
        yield
    finally:
        task.cancel()


def forget_ended_visits(visits: StateHolder, now: datetime) -> None:
    """Remove visits an hour after their last request: closed pages, and API clients.

    An API client never closes a page; it is recognised by a visit without states.
    """
    for name, visit in list(visits.session_data.items()):
        idle = now - visits.time_last_used.get(name, now)
        if idle > KEPT_FOR and (visit.is_closed or not visit.state_data):
            visits.delete_state(name)
            visits.session_data.pop(name, None)
            visits.time_last_used.pop(name, None)


async def _forget_regularly(visits: StateHolder) -> None:
    while True:
        await asyncio.sleep(_INTERVAL_SECONDS)
        forget_ended_visits(visits, datetime.now())


def app_options(hosts: Sequence[str]) -> dict[str, Any]:
    """Collect the `app_kwargs` of `gradio.Blocks.launch`.

    Args:
        hosts: Host names that the page answers to, from `allowed_hosts`.
    """
    return {
        "middleware": [Middleware(HostCheck, hosts=hosts), Middleware(RequestLimits)],
        "exception_handlers": {
            error: _answer_without_traceback for error in (FnIndexInferError, KeyError, TypeError)
        },
        "lifespan": _lifespan,
        "routes": take_home_routes(),
    }


async def _answer_without_traceback(request: Request, error: Exception) -> Response:
    """Answer a request with an unknown endpoint or argument name.

    Raises:
        Exception: The error belongs to another kind of request.
    """
    if not request.url.path.startswith(_API_PATHS):
        raise error
    reason = "There is no such endpoint" if isinstance(error, KeyError) else str(error)
    detail = f"{reason.split('. ')[0].rstrip('.')}; /gradio_api/info lists all endpoints."
    return JSONResponse({"detail": detail}, status_code=422)


@asynccontextmanager
async def _lifespan(app: App) -> AsyncIterator[None]:
    _forbid_unlisted_tools(app.get_blocks())
    async with forgetting_visits(app):
        yield


def _forbid_unlisted_tools(page: Blocks) -> None:
    """Restrict the MCP server to the tools that it lists; Gradio lets clients call any endpoint."""
    server = page.mcp_server_obj
    if server is not None:
        server.tool_to_endpoint = {
            tool: endpoint
            for tool, endpoint in server.tool_to_endpoint.items()
            if _is_tool(server.get_block_fn_from_endpoint_name(endpoint))
        }


def _is_tool(event: BlockFunction | None) -> bool:
    """Whether Gradio lists an event as a tool, which is its default."""
    return event is not None and getattr(event.fn, "_mcp_type", "tool") == "tool"
