"""Files that can be made again: Chroma stores and indexes of databases, each built once."""

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from filelock import FileLock

from cir.errors import DatabaseError
from cir.index.bundle import Bundle
from cir.index.chroma_index import ChromaIndex
from cir.index.home import HOME_VARIABLE, home
from cir.types import FloatArray, Instrument, Progress

_LAYOUT_VERSION = "2"
_READY_NAME = "ready"
_UNUSED_DAYS = 30


def write_collections(
    folder: Path,
    instruments: Sequence[Instrument],
    embeddings: FloatArray,
    progress: Progress | None = None,
) -> None:
    """Write the collections into a new folder.

    Args:
        folder: Does not exist yet.
        instruments: N rows.
        embeddings: (N, D), unit norm, parallel to `instruments`.
        progress: Called after every chunk.
    """
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    try:
        ChromaIndex(client).upsert(instruments, embeddings, progress)
    finally:
        cast(Any, client).close()  # which the interface of clients lacks


def ensure_store(bundle: Bundle, progress: Progress | None = None) -> Path:
    """Return the folder of a bundle's Chroma store; build it if there is none yet.

    The folder is named by the content of the bundle, so a store never differs from its bundle. It
    is built under a temporary name and then renamed, under a lock: of two processes that start at
    once, one builds and the other waits.

    Raises:
        DatabaseError: The store cannot be written.
    """

    def write(folder: Path) -> None:
        write_collections(folder, bundle.catalog, bundle.embeddings, progress)

    try:
        return ensure_folder(
            "stores", f"{_LAYOUT_VERSION}\n{version('chromadb')}\n{bundle.digest}", write
        )
    except ModuleNotFoundError:
        raise
    except Exception as error:  # of the file system, of SQLite or of Chroma
        raise DatabaseError(
            f"The Chroma store cannot be written: {error}; set {HOME_VARIABLE} to a folder that "
            "can be written to."
        ) from error


def ensure_folder(kind: str, key: str, write: Callable[[Path], None]) -> Path:
    """Return a folder of files that can be made again; make it if it is not there.

    Those of one kind that were not asked for during a month are removed.

    Args:
        kind: The folder that these folders are in.
        key: What its content depends on.
        write: Fills a folder, which does not exist yet.
    """
    folders = home() / kind
    folders.mkdir(exist_ok=True)
    name = hashlib.sha256(key.encode()).hexdigest()[:20]
    target = folders / name
    with FileLock(folders / f"{name}.lock"):
        if not (target / _READY_NAME).is_file():
            _build(target, write)
            _remove_unused(folders, keep=target)
        os.utime(target / _READY_NAME)
    return target


def _build(target: Path, write: Callable[[Path], None]) -> None:
    for leftover in (target, *target.parent.glob(f".{target.name}-*")):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        write(temporary)
        (temporary / _READY_NAME).touch()
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unused(stores: Path, keep: Path) -> None:
    """Remove stores that no process asked for during a month: most are of bundles that changed."""
    oldest = time.time() - _UNUSED_DAYS * 86_400
    for ready in stores.glob(f"*/{_READY_NAME}"):
        with contextlib.suppress(OSError):
            if ready.parent != keep and ready.stat().st_mtime < oldest:
                shutil.rmtree(ready.parent)
