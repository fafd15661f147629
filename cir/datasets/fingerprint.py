"""Texts that change whenever a dataset's notes might."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cir.errors import InputError

VERSION = 1
"""To be raised when a change of the code gives other notes from the same files."""


def fingerprint(name: str, files: Iterable[Path], **parameters: object) -> str:
    """Digest the paths, sizes and times of files, and parameters, into `name-0123456789abcdef`.

    Raises:
        InputError: a file is missing.
    """
    digest = hashlib.sha256(repr((VERSION, sorted(parameters.items()))).encode())
    for path in files:
        try:
            state = path.stat()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from None
        digest.update(f"\n{path.resolve()}\t{state.st_size}\t{state.st_mtime_ns}".encode())
    return f"{name}-{digest.hexdigest()[:16]}"
