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


def work_ahead(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Call a function for each item, in as many threads as there are cores.

    The threads are a few items ahead of whoever takes the results, never more. Decoding and
    encoding sound leave the interpreter to others, so they fill all cores.

    Args:
        work: May be called by several threads at once.
        items: What for; read by the caller's thread.

    Raises:
        Exception: What a call raised, where its result would have been.
    """
    n_threads = os.cpu_count() or 1
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
