"""What commands show while they work, on stderr, so that stdout stays clean for results."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cir.types import Progress

_STEPS_WITHOUT_TERMINAL = 10


@contextmanager
def progress_bar(description: str, *, least_seconds: float = 0.0) -> "Iterator[Progress]":
    """Give a callback that draws a bar, or prints a line per tenth where stderr is no terminal.

    Args:
        description: shown until the callback brings words of its own.
        least_seconds: show nothing on what is done sooner.
    """
    if not sys.stderr.isatty():
        yield _patient(_line_printer(description), least_seconds)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0, visible=least_seconds == 0.0)
        yield _patient(
            lambda fraction, words: bar.update(
                task, completed=fraction, description=words or description, visible=True
            ),
            least_seconds,
        )


def _patient(show: "Progress", least_seconds: float) -> "Progress":
    started = time.monotonic()

    def wait(fraction: float, words: str) -> None:
        if time.monotonic() - started >= least_seconds:
            show(fraction, words)

    return wait


def _line_printer(description: str) -> "Progress":
    shown = -1

    def show(fraction: float, words: str) -> None:
        nonlocal shown
        step = int(fraction * _STEPS_WITHOUT_TERMINAL)
        if step != shown:
            shown = step
            print(f"{words or description}: {100 * fraction:.0f} %", file=sys.stderr, flush=True)

    return show
