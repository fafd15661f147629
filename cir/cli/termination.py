"""Clean-up when the system ends the program."""

import signal
import sys

EXIT_TERMINATED = 143


def clean_up_when_terminated() -> None:
    """Leave as after Ctrl-C on SIGTERM, which by itself skips all clean-up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
