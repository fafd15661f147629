"""Folders that a process holds: one that nobody holds may be removed.

The system drops a hold with its process, however that ends. Where it has no such locks (Windows),
each folder counts as held: nothing is taken from a living process, and what killed ones left stays.
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
    """Lasts until it is released, or the process ends."""

    descriptor: int | None

    def release(self) -> None:
        """Let others have the folder."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def hold(folder: Path) -> Hold:
    """Wait until nobody else holds a folder, and hold it.

    Raises:
        OSError: it is not there, or may not be read.
    """
    if fcntl is None:
        return Hold(None)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return Hold(descriptor)


def hold_if_free(folder: Path) -> Hold | None:
    """Hold a folder; None where somebody else does, or may, or where it is no folder of ours."""
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
