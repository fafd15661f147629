"""Who waits for whom on the page, asked over HTTP by Gradio's own client."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from cir.ui.server import fair_queue
from cir.ui.server.fair_queue import share_fairly

pytestmark = pytest.mark.slow

MOST = 3


class Works:
    """A page with two kinds of work, each of which goes on when it may."""

    def __init__(self) -> None:
        self.may_search, self.may_add = threading.Event(), threading.Event()
        self.searched: list[str] = []
        self.page: Any
        with gr.Blocks(analytics_enabled=False) as self.page:
            name, done = gr.Textbox(), gr.Textbox()
            for work in (self.search, self.add):
                kind = work.__name__
                limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": kind}
                name.submit(work, name, done, api_name=kind, **limits)
        share_fairly(self.page)
        _, self.address, _ = self.page.launch(prevent_thread_lock=True, quiet=True)

    def waiting(self, kind: str) -> int:
        queue = self.page._queue.event_queue_per_concurrency_id.get(kind)
        return 0 if queue is None else len(queue.queue) + queue.current_concurrency

    def search(self, name: str) -> str:
        self.may_search.wait(30)
        self.searched.append(name)
        return name

    def add(self, name: str) -> str:
        self.may_add.wait(30)
        return name

    def until(self, kind: str, count: int) -> None:
        """Wait until so many requests wait, or are at work."""
        ends = time.monotonic() + 30
        while self.waiting(kind) != count:
            assert time.monotonic() < ends, f"{self.waiting(kind)} wait for {kind}, not {count}"
            time.sleep(0.05)


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    monkeypatch.setattr(fair_queue, "MAX_OF_VISITOR", MOST)
    works = Works()
    yield works
    works.may_search.set()
    works.may_add.set()
    works.page.close(verbose=False)


def test_visitors_take_turns_and_each_has_a_limit(works: Works) -> None:
    one, other = (Client(works.address, verbose=False) for _ in range(2))
    jobs = []
    for number in range(1 + MOST):  # the first is at work, so the others wait
        jobs.append(one.submit(f"one {number}", api_name="/search"))
        works.until("search", number + 1)
    with pytest.raises(AppError, match="^3 of your requests are waiting.* in about 5 s"):
        one.predict("too many", api_name="/search")
    jobs.append(other.submit("other 0", api_name="/search"))
    works.until("search", 2 + MOST)
    works.may_search.set()
    answers = [job.result() for job in jobs]
    assert answers == ["one 0", "one 1", "one 2", "one 3", "other 0"]
    assert works.searched == ["one 0", "one 1", "other 0", "one 2", "one 3"]
    assert one.predict("again", api_name="/search") == "again"


def test_slow_work_refuses_none_of_another_kind(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_queue, "MAX_OF_ALL", 2)
    clients = [Client(works.address, verbose=False) for _ in range(4)]
    jobs = []
    for number, client in enumerate(clients[:3]):
        jobs.append(client.submit("sounds", api_name="/add"))
        works.until("add", number + 1)
    with pytest.raises(AppError, match=r"2 requests are waiting.* again in about 10 s\."):
        clients[3].predict("sounds", api_name="/add")
    works.may_search.set()
    assert clients[3].predict("mix", api_name="/search") == "mix"
    works.may_add.set()
    assert [job.result() for job in jobs] == ["sounds"] * 3


def test_who_names_no_session_is_known_by_the_address(works: Works) -> None:
    def post(name: str) -> str:
        reply = httpx.post(f"{works.address}gradio_api/call/search", json={"data": [name]})
        return str(reply.json()["event_id"])

    def answer(event: str) -> str:
        return httpx.get(f"{works.address}gradio_api/call/search/{event}", timeout=30).text

    events = []
    for number in range(1 + MOST):
        events.append(post(str(number)))
        works.until("search", number + 1)
    assert "3 of your requests are waiting" in answer(post("too many"))
    works.may_search.set()
    assert [f'data: ["{n}"]' in answer(event) for n, event in enumerate(events)] == [True] * 4
