"""Digests of the files that instruments are made of."""

import hashlib
from pathlib import Path

from cir.files import sha256_of
from cir.library.sound_file import SoundFile


def digest_of(file: SoundFile) -> str:
    """Return the digest of the content of a file, of a folder, or of a multi-sample.

    A plug-in may be a folder.

    Raises:
        OSError: A file cannot be read.
    """
    if not file.members:
        return _digest_of_path(file.path)
    names = (f"{one.name} {sha256_of(one)}" for one in sorted(file.members))
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _digest_of_path(path: Path) -> str:
    if path.is_file():
        return sha256_of(path)
    files = sorted(one for one in path.rglob("*") if one.is_file())
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
