"""Tasks done ahead of the network, in processes of their own, the results in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from cir.engines.registry import open_engine
from cir.library.sandboxed_engines import SandboxedEngines
from cir.library.sound_tasks import Sounds, SoundTask, make_sounds

_AHEAD = 256
"""Sounds that may wait for the network: while it runs, the next batch is decoded."""

_FEW = 24
"""Recordings for which no process is started; starting it takes longer."""


class HasTask(Protocol):
    """Something that may need sounds."""

    @property
    def task(self) -> SoundTask | None:
        """What to do; None if nothing is needed."""


_Item = TypeVar("_Item", bound=HasTask)
Outcome = Callable[[], Sounds | None]
"""Returns the sounds of a task, None where there was none, or raises what the task raised."""


class Workers(Protocol):
    """What does tasks; a context manager."""

    def run(self, items: Iterable[_Item]) -> Iterator[tuple[_Item, Outcome]]:
        """Yield each item with the outcome of its task, in order."""

    def __enter__(self) -> "Workers":
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """End them."""


class LocalWorkers:
    """Processes on this machine; `Workers`.

    Args:
        n_processes: How many; None for one for each core. They start when they are needed.
    """

    def __init__(self, n_processes: int | None = None) -> None:
        self._n_processes = n_processes or os.cpu_count() or 1
        self._idle: SimpleQueue[SandboxedEngines] = SimpleQueue()
        self._started: list[SandboxedEngines] = []
        self._n_recordings = 0

    def run(self, items: Iterable[_Item]) -> Iterator[tuple[_Item, Outcome]]:
        """Yield each item with the outcome of its task, in order."""
        waiting = iter(items)
        with ThreadPoolExecutor(self._n_processes, thread_name_prefix="sounds") as threads:
            running: deque[tuple[_Item, Outcome]] = deque()
            try:
                while True:
                    for item in islice(waiting, max(0, _AHEAD - len(running))):
                        running.append((item, self._begin(threads, item.task)))
                        if running[0][0].task is None:  # nothing to wait for
                            break
                    if not running:
                        return
                    yield running.popleft()
            except BaseException:  # do not wait for a file that hangs
                threads.shutdown(wait=False, cancel_futures=True)
                self.close()
                raise

    def close(self) -> None:
        """End the processes."""
        for one in self._started:
            one.close()

    def __enter__(self) -> "LocalWorkers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, threads: ThreadPoolExecutor, task: SoundTask | None) -> Outcome:
        if task is None:
            return lambda: None
        self._n_recordings += not task.engine
        here = not task.engine and self._n_recordings <= _FEW
        future: Future[Sounds] = threads.submit(self._make, task, here)
        return future.result

    def _make(self, task: SoundTask, here: bool) -> Sounds:
        if here:
            return make_sounds(task, open_engine)
        try:
            engines = self._idle.get_nowait()
        except Empty:
            engines = SandboxedEngines()
            self._started.append(engines)
        try:
            return engines.make(task)
        finally:
            self._idle.put(engines)
