"""Clean-up on SIGTERM."""

import signal
import sys

EXIT_TERMINATED = 143


def clean_up_when_terminated() -> None:
    """Exit on SIGTERM as after Ctrl-C; by default it skips all clean-up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
