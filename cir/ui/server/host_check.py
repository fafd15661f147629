"""Host names that the page answers to, against DNS rebinding.

A web site can point its own host name to this machine, and then read the page through a visitor's
browser. The `Host` header of these requests holds that name, which the site cannot change. Names of
this machine and its network are safe, and so are IP addresses.
"""

import os
import re
import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cir.errors import InputError

HOSTS_VARIABLE = "CIR_ALLOWED_HOSTS"
"""Environment variable with further host names, separated by commas."""

_PATTERN = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def allowed_hosts(named: Iterable[str] = (), listen_on: str | None = None) -> tuple[str, ...]:
    """Collect the host names that the page answers to, besides IP addresses.

    These are the names of this machine, of its Hugging Face Space, and of CIR_ALLOWED_HOSTS.

    Args:
        named: Further names; `*.example.org` for all subdomains, `*` for any.
        listen_on: Name or address that the page listens on.

    Raises:
        InputError: One of them is not a host name.
    """
    own = socket.gethostname().lower()
    names = ["localhost", own, f"{own.split('.')[0]}.local"]
    if listen_on:
        names.append(listen_on.lower())
    space = os.environ.get("SPACE_HOST", "")
    if space:  # several names if the Space has a custom domain
        names += ["*.hf.space", *_split(space)]
    chosen = [*_split(os.environ.get(HOSTS_VARIABLE, "")), *named]
    return (*names, *(_checked(name) for name in chosen))


class HostCheck:
    """ASGI middleware that refuses requests with another host name.

    Args:
        app: Answers the other requests.
        hosts: Patterns, as from `allowed_hosts`.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = tuple(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        answer = self._app
        if scope["type"] in ("http", "websocket"):
            host = Headers(scope=scope).get("host", "")
            if not self._is_allowed(host):
                answer = PlainTextResponse(
                    f"This page does not answer to the name {host[:100]!r}; its operator can allow "
                    f"it with cir app --allowed-host NAME or {HOSTS_VARIABLE}=NAME.\n",
                    status_code=400,
                )
        await answer(scope, receive, send)

    def _is_allowed(self, header: str) -> bool:
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        return _is_address(name) or any(fnmatchcase(name, pattern) for pattern in self._hosts)


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _checked(name: str) -> str:
    lower = name.strip().lower()
    if not _PATTERN.fullmatch(lower):
        raise InputError(
            f"{name!r} is not a host name; give one such as music.example.org, *.example.org for "
            "all subdomains, or * for any (without http:// and without a port)."
        )
    return lower
