"""Size limits of requests, and clean-up of interrupted uploads."""

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_FILE_MB = 120
"""Largest upload: ten minutes of 16-bit stereo at 48 kHz."""

MAX_UPLOAD_BYTES = (MAX_FILE_MB + 1) << 20
"""Largest upload request, with its headers."""

MAX_REQUEST_BYTES = 32 << 20
"""Largest other request; MCP clients may send sounds in base64."""


class RequestLimits:
    """ASGI middleware that limits request sizes and removes interrupted uploads."""

    def __init__(
        self,
        app: ASGIApp,
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        self._app = app
        self._uploads = RequestBodyLimitMiddleware(self._upload, max_upload_bytes)
        self._others = RequestBodyLimitMiddleware(app, max_request_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on within its limit."""
        is_upload = scope["type"] == "http" and scope["path"].rstrip("/").endswith("/upload")
        await (self._uploads if is_upload else self._others)(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_all() -> Message:
            # Gradio removes a partly written upload after a MultiPartException only.
            try:
                message = await receive()
            except HTTPException as error:
                raise MultiPartException(
                    "This upload exceeds the maximum allowed size; send fewer or smaller files."
                ) from error
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was interrupted; send it again.")
            return message

        await self._app(scope, receive_all, send)
