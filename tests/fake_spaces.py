"""Stands in for the package `spaces` on ZeroGPU: its decorator's signature, and its borders.

There a decorated function runs in another process: what goes in and what comes out is pickled.
"""

import pickle
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from types import ModuleType
from typing import Any, Literal

import pytest

Task = Callable[..., Any]


class FakeSpaces(ModuleType):
    """The module; it counts the calls that a GPU was asked for."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.durations: list[int | timedelta | None] = []
        """Of each decorated function."""
        self.calls = 0

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Be what `import spaces` finds."""
        patch.setitem(sys.modules, "spaces", self)

    def GPU(
        self,
        task: Task | None = None,
        *,
        duration: int | timedelta | None = None,
        size: Literal["large", "xlarge"] | None = None,
    ) -> Any:
        """Decorate, with or without parentheses."""
        if task is None:
            return partial(self.GPU, duration=duration, size=size)
        self.durations.append(duration)

        @wraps(task)
        def on_gpu(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            sent_args, sent_kwargs = pickle.loads(pickle.dumps((args, kwargs)))
            return pickle.loads(pickle.dumps(task(*sent_args, **sent_kwargs)))

        return on_gpu
