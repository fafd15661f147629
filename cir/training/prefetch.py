"""Preparing the next batches while the present one trains."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

T = TypeVar("T")


def prefetch(draw: Callable[[int], T], first: int, *, ahead: int) -> Generator[T]:
    """Yield `draw(first)`, `draw(first + 1)`, ..., drawn `ahead` of time in one thread.

    On a CPU that trains no core is free: with `ahead` = 0 each is drawn when it is asked for.
    """
    if not ahead:
        yield from map(draw, count(first))
    thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        waiting = deque(thread.submit(draw, first + number) for number in range(ahead))
        for number in count(first + ahead):
            waiting.append(thread.submit(draw, number))
            yield waiting.popleft().result()
    finally:
        thread.shutdown(cancel_futures=True)
