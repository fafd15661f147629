"""What a visit keeps on the server, and that it goes: asked over HTTP as the page does."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import httpx
import pytest
from gradio.state_holder import StateHolder

from cir.library.sounds import Labels
from cir.ui.own.event_handlers import read_uploads
from cir.ui.own.sessions import OwnLibraries, Shelf, new_shelf
from cir.ui.own.tab import own_shelf
from cir.ui.server.app_options import forget_ended_visits
from cir.ui.service import PageService
from tests.page.database import serve_page, write_mix
from tests.test_ui_own_library import receive

pytestmark = pytest.mark.slow


class Visitor:
    """An open page: what its browser asks for, without a browser."""

    def __init__(self, address: str, name: str) -> None:
        self._address, self._name = address, name
        self._config: dict[str, Any] = httpx.get(f"{address[: -len('gradio_api/')]}config").json()
        for event in self._config["dependencies"]:  # as the page does when it is opened
            if ("load" in {name for _, name in event["targets"]}) and event["backend_fn"]:
                self.trigger(event)

    def upload(self, path: Path) -> list[Any]:
        """Drop a mix into the form; what the form shows then."""
        files = {"files": (path.name, path.read_bytes())}
        (uploaded,) = httpx.post(f"{self._address}upload", files=files).json()
        components, events = self._config["components"], self._config["dependencies"]
        (inbox,) = (one["id"] for one in components if one["props"].get("elem_id") == "cir-mix")
        (event,) = (one for one in events if [inbox, "upload"] in one["targets"])
        return self.trigger(event, {"path": uploaded, "meta": {"_type": "gradio.FileData"}})

    def trigger(self, event: dict[str, Any], *arguments: Any) -> list[Any]:
        """Run one of the page's events."""
        shown = {one["id"]: one["props"].get("value") for one in self._config["components"]}
        data = [*arguments, *(shown.get(one) for one in event["inputs"][len(arguments) :])]
        body = {"data": data, "fn_index": event["id"], "session_hash": self._name}
        httpx.post(f"{self._address}queue/join", json=body).raise_for_status()
        parameters = {"session_hash": self._name}
        with httpx.stream("GET", f"{self._address}queue/data", params=parameters, timeout=60) as on:
            for line in on.iter_lines():
                message = json.loads(line.removeprefix("data: ") or "{}")
                if message.get("msg") == "process_completed":
                    assert message["success"], message
                    return list(message["output"]["data"])
        raise AssertionError("The page has not answered.")


@contextmanager
def visiting(address: str, name: str) -> Iterator[Visitor]:
    """Keep a page open: it listens to the server's heartbeat until it is closed."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=60) as heartbeat:
        request = f"GET {where.path}heartbeat/{name} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n"
        heartbeat.sendall(request.encode())
        assert b"200 OK" in heartbeat.recv(1024)
        yield Visitor(address, name)


def files_of_visits(folder: Path) -> list[str]:
    visits = folder / "uploads" / "cir-sessions"
    return sorted(path.name for path in visits.rglob("*") if path.is_file())


def test_a_mix_goes_with_the_next_one_or_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_IS_E2E_TEST", "1")  # a closed page's visit ends after a second
    folder = tmp_path
    with serve_page(folder) as url, visiting(f"{url}gradio_api/", "first") as visitor:
        visitor.upload(write_mix(folder / "mix.wav"))
        assert files_of_visits(folder) == ["mix.wav"]
        visitor.upload(write_mix(folder / "other.wav"))
        assert files_of_visits(folder) == ["other.wav"]
        with visiting(f"{url}gradio_api/", "second") as other:
            other.upload(folder / "mix.wav")
            assert files_of_visits(folder) == ["mix.wav", "other.wav"]
        ends = time.monotonic() + 20
        while files_of_visits(folder) != ["other.wav"]:
            assert time.monotonic() < ends, files_of_visits(folder)
            time.sleep(0.1)


def test_a_visit_that_ends_while_sounds_are_added_leaves_none(
    service: PageService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    libraries, shelf = OwnLibraries(service), new_shelf()
    paths = [str(receive(tmp_path / "uploads", number, f"{number}.wav")) for number in range(1, 5)]
    uploads = read_uploads([{"path": path, "inside": ""} for path in paths])
    report = libraries.of(shelf).add(uploads, Labels(), lambda *_: libraries.forget(shelf))
    assert report.was_stopped
    assert files_of_visits(tmp_path) == []


def test_visits_that_have_ended_are_forgotten() -> None:
    forgotten: list[str] = []
    with gr.Blocks() as page:
        gr.State("sounds", delete_callback=forgotten.append)
    visits = StateHolder()  # type: ignore[no-untyped-call]
    visits.set_blocks(page)
    (state,) = page.blocks.values()
    now = datetime.now()
    for name in ("open", "closed", "closed just now", "program", "program at work"):
        visit = visits[name]
        if "program" not in name:
            visit[state._id] = name
        visit.is_closed = name.startswith("closed")
        if name not in ("closed just now", "program at work"):
            visits.time_last_used[name] = now - timedelta(hours=1, seconds=1)
    forget_ended_visits(visits, now)
    assert list(visits.session_data) == ["open", "closed just now", "program at work"]
    assert set(visits.time_last_used) == set(visits.session_data)
    assert forgotten == ["closed"]


def test_no_event_begins_another_visit_when_a_page_is_opened(service: PageService) -> None:
    """It could come after `OwnHandlers.resume`, and undo it."""
    with gr.Blocks() as page:
        shelf = own_shelf(OwnLibraries(service))
    assert page.config["dependencies"] == []
    visits = StateHolder()  # type: ignore[no-untyped-call]
    visits.set_blocks(page)
    first, second = (visits[name][shelf._id] for name in ("first", "second"))
    assert isinstance(first, Shelf) and first.token != second.token
    assert visits["first"][shelf._id] == first
