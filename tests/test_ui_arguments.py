"""What comes back for arguments that no endpoint can take: one sentence, and no traceback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.page.database import serve_page

pytestmark = pytest.mark.slow

FILE = {"path": "MIX", "meta": {"_type": "gradio.FileData"}}
SEARCH = [FILE, ["bass"], 5, None, None, None, None]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_page(tmp_path_factory.mktemp("arguments")) as url:
        yield f"{url}gradio_api/"


@pytest.fixture(scope="module")
def uploaded(address: str, mix: Path) -> str:
    """A mix on the server, and beside it what is no sound."""
    files = {"files": ("mix.wav", mix.read_bytes())}
    path = Path(httpx.post(f"{address}upload", files=files).json()[0])
    path.with_name("notes.wav").write_text("This is no sound.")
    return str(path)


def ask(address: str, endpoint: str, data: list[Any], uploaded: str = "") -> tuple[str, Any]:
    """Ask an endpoint by HTTP; how it ended, and with what."""
    notes = uploaded.replace("mix.wav", "notes.wav")
    body = json.dumps({"data": data}).replace("MIX", uploaded).replace("TEXT", notes)
    headers = {"Content-Type": "application/json"}
    called = httpx.post(f"{address}call/{endpoint}", content=body, headers=headers)
    reply = httpx.get(f"{address}call/{endpoint}/{called.json()['event_id']}", timeout=60)
    *_, event, answer = reply.text.strip().splitlines()
    return event.removeprefix("event: "), json.loads(answer.removeprefix("data: "))


def with_argument(position: int, value: Any) -> list[Any]:
    return [*SEARCH[:position], value, *SEARCH[position + 1 :]]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (with_argument(0, "/etc/passwd"), 'mix is "/etc/passwd"; give an uploaded sound file'),
        (with_argument(0, 5), "mix is 5; give an uploaded"),
        (with_argument(0, [FILE]), 'mix is [{"path": '),
        (with_argument(0, {"path": "MIX"}), 'mix is {"path": '),
        (with_argument(0, {**FILE, "path": None}), 'mix is {"path": null'),
        (with_argument(0, {**FILE, "path": "/etc/passwd"}), "was not uploaded by a user"),
        (with_argument(0, {**FILE, "path": "MIX/../x"}), "does not exist; give a sound file"),
        (with_argument(0, {**FILE, "path": "http://127.0.0.1:1/a"}), "1/a cannot be fetched (Host"),
        (with_argument(0, {**FILE, "path": "http://["}), "[ cannot be fetched (Inv"),
        (with_argument(0, None), "There is no mix yet"),
        (with_argument(0, {**FILE, "path": "TEXT"}), "notes.wav cannot be read as sound"),
        (with_argument(1, "bass"), 'families is "bass"; give a list of some of percussion, bass'),
        (with_argument(1, ["kazoo"]), 'families is ["kazoo"]; give a list of some of'),
        (with_argument(1, [["bass"]]), 'families is [["bass"]]; give a list'),
        (with_argument(1, {"bass": 1}), 'families is {"bass": 1}; give a list'),
        (with_argument(1, None), "families is null; give a list"),
        (with_argument(2, "five"), 'top_k is "five"; give a number.'),
        (with_argument(2, [5]), "top_k is [5]; give a number."),
        (with_argument(2, True), "top_k is true; give a number."),
        (with_argument(2, None), "No number matches were asked for"),
        (with_argument(2, float("nan")), "nan matches were asked for"),
        (with_argument(3, 7), "bank is 7; give a text."),
        (with_argument(4, {"a": "b" * 99}), 'source is {"a": "bbb'),
        (with_argument(5, "x"), 'start_seconds is "x"; give a number.'),
        (with_argument(6, float("nan")), "does not lie within this mix"),
        (SEARCH[:1], "1 arguments arrived; give all 7, null for those to leave out: mix, "),
        ([], "0 arguments arrived; give all 7"),
        ([*SEARCH, 1], "8 arguments arrived; give all 7"),
    ],
)
def test_others_get_one_sentence(
    address: str, uploaded: str, capfd: pytest.CaptureFixture[str], data: list[Any], sentence: str
) -> None:
    ended, answer = ask(address, "search", data, uploaded)
    assert (ended, sentence in answer["error"]) == ("error", True), answer
    assert "\n" not in answer["error"] and len(answer["error"]) < 400
    assert "Traceback" not in capfd.readouterr().err


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    """Serve a sound, after a redirect; its address."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/mix.wav" else 302)
            self.send_header("Location", "/mix.wav")
            self.end_headers()
            if self.path == "/mix.wav":
                self.wfile.write(content)

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://music.example.org:{server.server_port}/elsewhere"
        server.shutdown()
        thread.join()


def test_a_sound_at_an_address_is_answered_unless_it_is_larger_than_an_upload(
    address: str, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def local(host: str) -> str:
        assert host == "music.example.org"
        return "127.0.0.1"

    monkeypatch.setattr("safehttpx.async_validate_url", local)
    content = Path(uploaded).read_bytes()
    uploads = Path(uploaded).parents[1]
    with serving(content) as sound:
        at_address = with_argument(0, {**FILE, "path": sound})
        ended, answer = ask(address, "search", at_address)
        assert ended == "complete", answer
        _, (expected, *_) = ask(address, "search", with_argument(2, 5.0), uploaded)
        assert answer[0]["families"] == expected["families"]
        assert len(expected["families"][0]["matches"]) == 5
        monkeypatch.setattr("cir.ui.server.remote_files.MAX_BYTES", len(content) - 1)
        ended, answer = ask(address, "search", at_address)
    assert (ended, "it has more than 120 MB" in answer["error"]) == ("error", True)
    assert [path for path in uploads.iterdir() if path.is_file()] == []


def test_an_offset_is_a_whole_number(address: str) -> None:
    for offset in (float("inf"), float("nan"), -1, 0.5):
        ended, answer = ask(address, "instruments", [None, None, None, None, 100, offset])
        assert (ended, "choose a whole number from 0" in answer["error"]) == ("error", True)


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("call/v2/search", {"nope": 1}, "`nope` is not a valid key-word argument; /gradio_api/"),
        ("call/v2/search", [1], "valid dictionary"),
        ("call/nothing", {"data": []}, "for API name: nothing; /gradio_api/info lists"),
        ("call/search", {"data": "x"}, "valid list"),
        ("queue/join", {"data": [], "fn_index": 9_999, "session_hash": "a"}, "no such endpoint"),
    ],
)
def test_a_question_to_nobody_gets_one_sentence(
    address: str, capfd: pytest.CaptureFixture[str], path: str, body: Any, sentence: str
) -> None:
    reply = httpx.post(f"{address}{path}", json=body)
    assert reply.status_code == 422
    assert sentence in reply.text
    assert "Traceback" not in capfd.readouterr().err
