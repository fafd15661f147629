"""The process that engines run in."""

import os
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from cir.engines.child import Child, ChildFailed

pytestmark = pytest.mark.slow

PROGRAM = """
import os, time
import numpy as np
from cir.engines.child import serve

count = 0

def answer(request):
    global count
    count += 1
    print("noise on stdout")
    if request["do"] == "crash":
        os.abort()
    if request["do"] == "hang":
        time.sleep(60)
    return {"count": count, "process": os.getpid()}, np.ones(3, np.float32)

serve(answer)
"""


@pytest.fixture(params=[False, True], ids=["one process", "fresh processes"])
def child(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    (tmp_path / "answering.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Child("answering", fresh=request.param)


def test_it_answers_after_crashes_and_hangs(child: Child) -> None:
    for do, seconds in (("crash", 60.0), ("hang", 2.0)):
        with pytest.raises(ChildFailed):
            child.ask({"do": do}, seconds)
        answer, audio = child.ask({"do": "play"}, 60.0)
        assert answer["count"] == 1
        np.testing.assert_array_equal(audio, np.ones(3, np.float32))
    child.close()


def test_it_is_closed_while_a_request_hangs(child: Child) -> None:
    child.ask({"do": "play"}, 60.0)
    failed: list[bool] = []

    def hang() -> None:
        with pytest.raises(ChildFailed):
            child.ask({"do": "hang"}, 60.0)
        failed.append(True)

    asking = Thread(target=hang)
    asking.start()
    time.sleep(1.0)
    began = time.monotonic()
    child.close()
    asking.join()
    assert time.monotonic() - began < 10
    assert failed
    answer, _ = child.ask({"do": "play"}, 60.0)  # it starts anew
    assert answer["count"] == 1
    child.close()


def test_only_fresh_processes_remember_nothing(child: Child) -> None:
    first, second = (child.ask({"do": "play"}, 60.0)[0] for _ in range(2))
    is_fresh = first["process"] != second["process"]
    assert second["count"] == (1 if is_fresh else 2)
    assert os.getpid() not in (first["process"], second["process"])
    child.close()
