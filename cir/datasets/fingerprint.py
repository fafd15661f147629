"""Fingerprints that change whenever the notes of a dataset may have changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cir.errors import InputError

VERSION = 2
"""Raise it when a change of the code gives other notes from the same files."""


def fingerprint(name: str, files: Iterable[Path], **parameters: object) -> str:
    """Digest the names and contents of files, and parameters, into `name-0123456789abcdef`.

    Folders and dates of the files make no difference.

    Raises:
        InputError: A file is missing or cannot be read.
    """
    digest = hashlib.sha256(repr((VERSION, sorted(parameters.items()))).encode())
    for path in files:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from None
        digest.update(f"\n{path.name}\t{content.hexdigest()}".encode())
    return f"{name}-{digest.hexdigest()[:16]}"
