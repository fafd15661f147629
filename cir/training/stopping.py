"""What ends a run before its time: an interruption, or a loss that is not a finite number."""

import math
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor

from cir.errors import DataError


@contextmanager
def collect_interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of ending at once, so that the step can be saved."""
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


def check_finite(losses: Mapping[str, Tensor], step: int) -> None:
    """Make sure that every loss is a finite number.

    Raises:
        DataError: One is not.
    """
    wrong = [name for name, value in losses.items() if not math.isfinite(float(value.detach()))]
    if wrong:
        raise DataError(
            f"The loss {wrong[0]} is not a finite number at step {step}: the run was stopped and "
            "its last checkpoint kept. Lower the rates, or look for notes that are not finite."
        )
