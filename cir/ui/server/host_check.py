"""Under which host names the page answers.

A web site can let a name of its own lead to this machine, and then read the page with its visitor's
browser as if it were its own (DNS rebinding). It cannot forge the `Host` header: that has its name.
Names that only this machine or its network gives are safe, and so are bare addresses, which no web
site can have as its name.
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
"""Environment variable: more host names, separated by commas."""

_PATTERN = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def allowed_hosts(named: Iterable[str] = (), listen_on: str | None = None) -> tuple[str, ...]:
    """Collect the host names that the page may be reached by, beside addresses.

    This machine's own, those of the Hugging Face Space that it is, those of CIR_ALLOWED_HOSTS.

    Args:
        named: more of them; `*.example.org` for all below one, `*` for any at all.
        listen_on: the name or address that the page listens on.

    Raises:
        InputError: one of them is no host name.
    """
    own = socket.gethostname().lower()
    names = ["localhost", own, f"{own.split('.')[0]}.local"]
    if listen_on:
        names.append(listen_on.lower())
    space = os.environ.get("SPACE_HOST", "")
    if space:  # a Space with a domain of its own has several names
        names += ["*.hf.space", *_split(space)]
    chosen = [*_split(os.environ.get(HOSTS_VARIABLE, "")), *named]
    return (*names, *(_checked(name) for name in chosen))


class HostCheck:
    """ASGI middleware: requests that name another host are refused.

    Args:
        app: answers the others.
        hosts: patterns as of `allowed_hosts`.
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
                    f"This page does not answer to the name {host[:100]!r}; whoever runs it can "
                    f"allow that: cir app --allowed-host NAME, or {HOSTS_VARIABLE}=NAME.\n",
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
            f"{name!r} is no host name; give one such as music.example.org, *.example.org for all "
            "below it, or * for any (without http:// and without a port)."
        )
    return lower
