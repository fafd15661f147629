"""Options of the web application: middleware, error handlers and clean-up."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gradio.block_function import BlockFunction
from gradio.blocks import Blocks
from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cir.ui.server.ended_visits import forgetting_visits
from cir.ui.server.host_check import HostCheck
from cir.ui.server.request_limits import RequestLimits

_API_PATHS = tuple(f"/gradio_api/{kind}/" for kind in ("api", "call", "queue", "run"))


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
