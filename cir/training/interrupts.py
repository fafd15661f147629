"""Ctrl-C and SIGTERM end a run after its step, with everything saved."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collect_interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them: the step is finished and saved."""
    caught: list[int] = []
    previous = {
        number: signal.signal(number, lambda received, _: caught.append(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
