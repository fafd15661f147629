"""Sound files given by a web address: fetched by this server, up to the size limit of uploads.

Gradio fetches them too, and as safely (no addresses of this machine or its network), but into
memory and without a size limit.
"""

import asyncio
import re
import tempfile
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import safehttpx
from gradio.utils import get_upload_folder

from cir.errors import InputError
from cir.ui.server.request_limits import MAX_FILE_MB

MAX_BYTES = MAX_FILE_MB << 20
_MAX_REDIRECTS = 5
_TIMEOUT_SECONDS = 30.0


async def fetched(given: Any) -> Any:
    """Replace a file at a web address by a download among the uploads.

    Args:
        given: An argument; anything else is returned unchanged.

    Raises:
        InputError: The address cannot be fetched, is not public, or the file is too large.
    """
    address = given.get("path") if isinstance(given, dict) else None
    if not isinstance(address, str) or not address.startswith(("http://", "https://")):
        return given
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return {**given, "path": str(await _fetch(address)), "url": None}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{address[:200]} cannot be fetched ({reason.rstrip('.')}); give the address of a "
            "public sound file, or upload it."
        ) from error


async def _fetch(address: str) -> Path:
    for _ in range(1 + _MAX_REDIRECTS):
        host = urlsplit(address).hostname or ""
        transport = safehttpx.AsyncSecureTransport(await safehttpx.async_validate_url(host))
        async with AsyncExitStack() as opened:
            client = httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_SECONDS)
            await opened.enter_async_context(client)
            reply = await opened.enter_async_context(client.stream("GET", address))
            if not reply.has_redirect_location:
                reply.raise_for_status()
                return await _save(address, reply)
            address = urljoin(address, reply.headers["Location"])
    raise ValueError(f"more than {_MAX_REDIRECTS} redirects")


async def _save(address: str, reply: httpx.Response) -> Path:
    """Write a reply where Gradio puts uploads: into a folder named after its digest."""
    uploads = Path(get_upload_folder())
    uploads.mkdir(parents=True, exist_ok=True)
    digest, size = sha256(), 0
    with tempfile.NamedTemporaryFile(dir=uploads, delete=False) as file:
        try:
            async for chunk in reply.aiter_bytes():
                size += len(chunk)
                if size > MAX_BYTES:
                    raise ValueError(f"it has more than {MAX_FILE_MB} MB")
                digest.update(chunk)
                file.write(chunk)
        except BaseException:
            Path(file.name).unlink()
            raise
    name = re.sub(r"[^\w.-]", "", Path(urlsplit(address).path).name)[-100:].lstrip(".") or "file"
    target = uploads / digest.hexdigest() / name
    target.parent.mkdir(exist_ok=True)
    return Path(file.name).replace(target)
