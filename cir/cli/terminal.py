"""Progress of commands on stderr; stdout carries results only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cir.types import Progress

_STEPS_WITHOUT_TERMINAL = 10


@contextmanager
def progress_bar(description: str, *, least_seconds: float = 0.0) -> "Iterator[Progress]":
    """Yield a callback that draws a bar, or prints a line per tenth if stderr is no terminal.

    Args:
        description: Shown until the callback receives words of its own.
        least_seconds: Nothing is shown before this time has passed.
    """
    started = time.monotonic()

    def is_early() -> bool:
        return time.monotonic() - started < least_seconds

    if not sys.stderr.isatty():
        shown = -1

        def print_line(fraction: float, words: str) -> None:
            nonlocal shown
            step = int(fraction * _STEPS_WITHOUT_TERMINAL)
            if step != shown and not is_early():
                shown = step
                line = f"{words or description}: {100 * fraction:.0f} %"
                print(line, file=sys.stderr, flush=True)

        yield print_line
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    columns = Bar.get_default_columns()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0, visible=not is_early())

        def update(fraction: float, words: str) -> None:
            text = words or description
            bar.update(task, completed=fraction, description=text, visible=not is_early())

        yield update


def warn_once(words: str) -> Callable[[], None]:
    """Return what prints a line on stderr when it is first called."""
    said = False

    def warn() -> None:
        nonlocal said
        if not said:
            print(words, file=sys.stderr, flush=True)
        said = True

    return warn
