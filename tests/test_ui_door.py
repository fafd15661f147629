"""Who may ask the page, how much, and what an upload that breaks off leaves: nothing."""

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.middleware import Middleware

from cir.errors import InputError
from cir.ui.server.host_check import allowed_hosts
from cir.ui.server.request_limits import RequestLimits
from cir.ui.theme import launch_options
from tests.page.database import serve_page

pytestmark = pytest.mark.slow

MAX_UPLOAD_BYTES, MAX_REQUEST_BYTES = 4 << 20, 1 << 20  # small ones, for the sake of speed
PART = (
    b'--x\r\nContent-Disposition: form-data; name="files"; filename="mix.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    options = launch_options(allowed_hosts(["music.example.org", "*.example.net"]))
    door = options["app_kwargs"]["middleware"]
    assert door[1].cls is RequestLimits
    door[1] = Middleware(RequestLimits, MAX_UPLOAD_BYTES, MAX_REQUEST_BYTES)
    with serve_page(folder, **options) as url:
        yield url


OWN = ["localhost", "LocalHost:7860", "127.0.0.1:1", "192.168.1.20", "[::1]:7860"]
OWN += [socket.gethostname(), "music.example.org", "a.example.net:80"]
EVIL = ["evil.example.com", "music.example.org.evil.example.com", "127.0.0.1.evil.example.com"]


@pytest.mark.parametrize("host", [*OWN, *EVIL, "example.net", "[::1", ""])
def test_the_page_answers_to_its_own_names_alone(address: str, host: str) -> None:
    reply = httpx.get(f"{address}gradio_api/info", headers={"Host": host})
    assert reply.status_code == (200 if host in OWN else 400)
    if host not in OWN:
        assert f"does not answer to the name {host!r}" in reply.text
        assert "--allowed-host" in reply.text


def test_a_space_answers_to_its_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "me-cir.hf.space,cir.example.org")
    monkeypatch.setenv("CIR_ALLOWED_HOSTS", " Music.Example.com ,")
    names = allowed_hosts(listen_on="myhost.lan")
    wanted = {"localhost", "*.hf.space", "me-cir.hf.space", "cir.example.org", "music.example.com"}
    assert wanted | {"myhost.lan"} <= set(names)
    monkeypatch.delenv("SPACE_HOST")
    assert "*.hf.space" not in allowed_hosts()
    for name in ("http://a.org", "a.org:80", "a b", "a.*.org", "**", "-"):
        with pytest.raises(InputError, match="is not a host name"):
            allowed_hosts([name])


def files_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "uploads").rglob("*") if path.is_file()]


def wait_for(condition: str, folder: Path, count: int) -> None:
    """Wait until so many uploads lie there."""
    ends = time.monotonic() + 10
    while len(files_in(folder)) != count:
        assert time.monotonic() < ends, f"{condition}: {files_in(folder)}"
        time.sleep(0.05)


def begin_upload(address: str, length: int | None) -> socket.socket:
    """Send the beginning of an upload of so many bytes, of an unknown number without."""
    where = urlsplit(address)
    connection = socket.create_connection((where.hostname, where.port), timeout=30)
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {where.netloc}\r\n{size}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def refusal(connection: socket.socket) -> bytes:
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    assert reply.status == 413
    return reply.read()


def test_an_upload_that_breaks_off_leaves_no_file(address: str, folder: Path) -> None:
    with begin_upload(address, 1_000_000) as connection:
        connection.sendall(PART + bytes(100_000))
        wait_for("half an upload is a file", folder, 1)
    wait_for("it goes with the connection", folder, 0)


def test_too_large_uploads_and_questions_are_refused_unread(address: str, folder: Path) -> None:
    with begin_upload(address, MAX_UPLOAD_BYTES + 1) as connection:
        refusal(connection)
    assert files_in(folder) == []
    question = {"data": ["a" * MAX_REQUEST_BYTES]}
    reply = httpx.post(f"{address}gradio_api/call/instruments", json=question)
    assert reply.status_code == 413


def test_an_upload_of_unknown_length_is_counted(address: str, folder: Path) -> None:
    with begin_upload(address, None) as connection:
        connection.sendall(chunk(PART + bytes(64)))
        wait_for("it has begun", folder, 1)
        piece = chunk(bytes(1 << 20))
        # Each file of it is small enough; together they are too much.
        follow = chunk(b"\r\n" + PART)
        for number in range(MAX_UPLOAD_BYTES >> 20):
            connection.sendall(piece + (follow if number == 2 else b""))
        assert b"exceeds the maximum allowed size" in refusal(connection)
    wait_for("nothing of it stays", folder, 0)
