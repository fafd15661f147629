"""Writing the next batches while the present one trains."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Calls a pure function of the step ahead of time, in one thread.

    On a CPU that trains there is no core to spare: `ahead` = 0 calls it when asked.
    """

    def __init__(self, draw: Callable[[int], T], *, ahead: int) -> None:
        self._draw = draw
        self._ahead = ahead
        self._waiting: dict[int, Future[T]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch") if ahead else None

    def get(self, step: int) -> T:
        """What the function returns for `step`; whatever it raises is raised here."""
        if self._thread is None:
            return self._draw(step)
        for coming in range(step, step + self._ahead + 1):
            if coming not in self._waiting:
                self._waiting[coming] = self._thread.submit(self._draw, coming)
        return self._waiting.pop(step).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
