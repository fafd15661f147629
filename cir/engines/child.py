"""A process of its own for native code, which may crash, hang or remember.

A request is one line of JSON. The answer is one line of JSON and, where its `samples` says so, that
many float32 samples.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cir.errors import EngineError
from cir.types import FloatArray

Answer: TypeAlias = tuple[dict[str, Any], FloatArray | None]

MAX_MEMORY_BYTES = 6 << 30

_CAN_FORK = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 10.0
"""A forked process ends itself at the limit; its parent is killed only this much later."""


class ChildFailed(EngineError):
    """The process crashed, or did not answer in time."""


class Child:
    """Asks a module that runs `serve` in another process. Safe to share between threads.

    The process is started by the first request, and anew after one that ended it.

    Args:
        module: What `python -m` runs.
        fresh: Answer each request in a process that has answered none before.
    """

    def __init__(self, module: str, *, fresh: bool = False) -> None:
        self._module = module
        self._fresh = fresh
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def ask(
        self, request: dict[str, Any], limit_seconds: float
    ) -> tuple[dict[str, Any], FloatArray]:
        """Return the answer to a request and its samples, none if it has no sound.

        Raises:
            ChildFailed: The process crashed or took too long.
        """
        request = {**request, "limit_seconds": limit_seconds, "fresh": self._fresh}
        grace = _GRACE_SECONDS if self._fresh else 0.0
        with self._lock:
            if self._owner != os.getpid():  # a fork: the pipes belong to the process before it
                self._owner, self._process = os.getpid(), None
            process = self._process = self._process or _start(self._module)
            watchdog = threading.Timer(limit_seconds + grace, process.kill)
            watchdog.start()
            try:
                answer, audio = _exchange(process, request)
            except (OSError, ValueError, EOFError):
                self._stop()
                raise ChildFailed("the program that plays it fails") from None
            finally:
                watchdog.cancel()
            if answer.pop("was_last", False):
                self._stop()
        if "failed" in answer:
            raise ChildFailed(str(answer["failed"]))
        return answer, audio

    def close(self) -> None:
        """End the process; a request that is being answered fails."""
        process = self._process
        if self._owner != os.getpid():  # a fork: the process belongs to the one before it
            return
        if process is not None:
            process.kill()
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def serve(
    answer: Callable[[dict[str, Any]], Answer],
    prepare: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Answer requests until the input ends.

    Args:
        answer: Gives the answer to a request, and its samples.
        prepare: Loads what many requests share, in the process that is copied for each.
    """
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    # Engines in C print what they like; answers have a channel of their own.
    channel = os.dup(1)
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        fresh = request["fresh"]
        if fresh and _CAN_FORK:
            if prepare is not None:
                prepare(request)
            _answer_in_fork(channel, request, answer)
            continue
        _write(channel, answer(request), was_last=fresh)
        if fresh:
            return


def _answer_in_fork(
    channel: int, request: dict[str, Any], answer: Callable[[dict[str, Any]], Answer]
) -> None:
    process = os.fork()
    if process == 0:
        # Linux alone forks. What was forked holds the pipes, and must not outlive its parent.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The default action of the alarm ends the process even within native code.
        signal.setitimer(signal.ITIMER_REAL, request["limit_seconds"])
        try:
            _write(channel, answer(request))
        finally:
            os._exit(1 if sys.exc_info()[0] else 0)
    _, status = os.waitpid(process, 0)
    if status == 0:
        return
    why = "crashes"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        why = f"does not answer within {request['limit_seconds']:g} seconds"
    _write(channel, ({"failed": why}, None))


def _write(channel: int, answer: Answer, *, was_last: bool = False) -> None:
    said, audio = answer
    samples = b"" if audio is None else audio.astype("<f4").tobytes()
    head = json.dumps({**said, "samples": len(samples) // 4, "was_last": was_last}).encode()
    rest = memoryview(head + b"\n" + samples)
    while rest:
        rest = rest[os.write(channel, rest) :]


def _start(module: str) -> "subprocess.Popen[bytes]":
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def _exchange(
    process: "subprocess.Popen[bytes]", request: dict[str, Any]
) -> tuple[dict[str, Any], FloatArray]:
    """Send a request and read its answer; OSError, EOFError or ValueError if the process died."""
    assert process.stdin is not None  # noqa: S101 - both are pipes, see `_start`
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())  # nothing is no JSON
    size = 4 * int(answer.pop("samples"))
    samples = process.stdout.read(size)
    if len(samples) != size:
        raise EOFError(f"{len(samples)} of {size} bytes")
    return answer, np.frombuffer(samples, dtype="<f4").astype(np.float32)
