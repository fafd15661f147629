"""How large a request may be, and what becomes of an upload that breaks off."""

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_FILE_MB = 120
"""Largest upload: ten minutes of 16-bit stereo at 48 kHz."""

MAX_UPLOAD_BYTES = (MAX_FILE_MB + 1) << 20
"""Largest request: an upload and what is said of it."""

MAX_QUESTION_BYTES = 32 << 20
"""Largest request that is no upload; a tool may be asked about a sound in base64."""


class RequestLimits:
    """ASGI middleware: only uploads may be large, and half an upload leaves no file."""

    def __init__(
        self,
        app: ASGIApp,
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
        max_question_bytes: int = MAX_QUESTION_BYTES,
    ) -> None:
        self._app = app
        self._uploads = RequestBodyLimitMiddleware(self._upload, max_upload_bytes)
        self._questions = RequestBodyLimitMiddleware(app, max_question_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as far as it may go."""
        is_upload = scope["type"] == "http" and scope["path"].rstrip("/").endswith("/upload")
        await (self._uploads if is_upload else self._questions)(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_all() -> Message:
            # After this error alone, Gradio removes what it has written of an upload.
            try:
                message = await receive()
            except HTTPException as error:
                raise MultiPartException(
                    "This upload exceeds the maximum allowed size; send fewer or smaller files."
                ) from error
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was broken off; send it again.")
            return message

        await self._app(scope, receive_all, send)
