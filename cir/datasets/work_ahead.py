"""Work on several items at a time, the results in the order of the items."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD_PER_THREAD = 4


def work_ahead(
    work: Callable[[_Item], _Result], items: Iterable[_Item], n_threads: int | None = None
) -> Iterator[_Result]:
    """Call a function for each item in threads, at most four items per thread ahead of the caller.

    Decoding and encoding sound release the interpreter lock, so that threads use all cores.

    Args:
        work: May be called by several threads at once.
        items: Read by the caller's thread.
        n_threads: One for each core by default.

    Raises:
        Exception: What a call raised, in place of its result.
    """
    n_threads = n_threads or os.cpu_count() or 1
    waiting = iter(items)
    with ThreadPoolExecutor(n_threads, thread_name_prefix="ahead") as threads:
        running: deque[Future[_Result]] = deque(
            threads.submit(work, item) for item in islice(waiting, _AHEAD_PER_THREAD * n_threads)
        )
        try:
            while running:
                yield running.popleft().result()
                running.extend(threads.submit(work, item) for item in islice(waiting, 1))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
