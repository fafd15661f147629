"""Locks on temporary folders, so that those of killed processes can be removed.

The system releases a lock when its process ends. On Windows, which has no such locks, each folder
counts as held: none is taken from a running process, and those of killed processes remain.
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl


@dataclass(frozen=True)
class Hold:
    """A lock that lasts until it is released or the process ends."""

    descriptor: int | None

    def release(self) -> None:
        """Release the lock."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def hold(folder: Path) -> Hold:
    """Lock a folder, after any other process has released it.

    Raises:
        OSError: The folder does not exist, or cannot be read.
    """
    if fcntl is None:
        return Hold(None)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return Hold(descriptor)


def hold_if_free(folder: Path) -> Hold | None:
    """Lock a folder; None if another process holds it, or may, or it is not a readable folder."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return Hold(descriptor)
    return None
