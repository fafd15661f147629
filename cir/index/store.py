"""The Chroma stores of databases: folders in the cache, each built once."""

import atexit
import contextlib
import functools
import hashlib
import logging
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import platformdirs
from filelock import FileLock

from cir.errors import DatabaseError
from cir.index.bundle import Bundle
from cir.types import FloatArray, Instrument, Progress

_UPSERT_ROWS = 5_000
_CONFIGURATION: dict[str, Any] = {
    # Stores are written once, in large chunks; each chunk is persisted at once, or the next client
    # would have to replay the log.
    "hnsw": {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "sync_threshold": 100}
}

HOME_VARIABLE = "CIR_HOME"
"""Environment variable: folder of files that can be made again; by default in the user's cache."""
_LAYOUT_VERSION = "1"
_READY_NAME = "ready"
_UNUSED_DAYS = 30
_logger = logging.getLogger(__name__)


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

    rows_by_family: dict[str | None, list[int]] = {}
    for row, instrument in enumerate(instruments):
        rows_by_family.setdefault(instrument.family, []).append(row)
    client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    done = 0
    try:
        for family, rows in rows_by_family.items():
            collection = client.create_collection(
                f"family-{family or 'none'}",
                embedding_function=None,
                configuration=cast(Any, _CONFIGURATION),
            )
            for start in range(0, len(rows), _UPSERT_ROWS):
                chunk = rows[start : start + _UPSERT_ROWS]
                collection.upsert(
                    ids=[instruments[row].instrument_id for row in chunk],
                    embeddings=embeddings[chunk],
                    metadatas=[
                        {
                            "bank": instruments[row].bank,
                            "source": instruments[row].source,
                            "family": family or "none",
                            "name": instruments[row].name,
                        }
                        for row in chunk
                    ],
                )
                done += len(chunk)
                if progress is not None:
                    progress(done / len(instruments), "Writing to Chroma")
    finally:
        cast(Any, client).close()  # which the interface of clients lacks


def home() -> Path:
    """Return a writable folder for files that can be made again; create it if necessary."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        folder = Path(chosen).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = Path(platformdirs.user_cache_dir("cir", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a container without a home of its own
        _logger.warning("%s cannot be written; set %s to keep what is made", folder, HOME_VARIABLE)
        return _temporary_home()


def ensure_store(bundle: Bundle, progress: Progress | None = None) -> Path:
    """Return the folder of a bundle's Chroma store; build it if there is none yet.

    The folder is named by the content of the bundle, so a store never differs from its bundle. It
    is built under a temporary name and then renamed, under a lock: of two processes that start at
    once, one builds and the other waits.

    Raises:
        DatabaseError: The store cannot be written.
    """
    try:
        stores = home() / "stores"
        stores.mkdir(exist_ok=True)
        key = f"{_LAYOUT_VERSION}\n{version('chromadb')}\n{bundle.digest}"
        name = hashlib.sha256(key.encode()).hexdigest()[:20]
        target = stores / name
        with FileLock(stores / f"{name}.lock"):
            if not (target / _READY_NAME).is_file():
                _build(target, bundle, progress)
                _remove_unused(stores, keep=target)
            os.utime(target / _READY_NAME)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # of the file system, of SQLite or of Chroma
        raise DatabaseError(
            f"The Chroma store cannot be written: {error}; set {HOME_VARIABLE} to a folder that "
            "can be written to."
        ) from error
    return target


@functools.cache
def _temporary_home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cir-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _build(target: Path, bundle: Bundle, progress: Progress | None) -> None:
    for leftover in (target, *target.parent.glob(f".{target.name}-*")):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = target.with_name(f".{target.name}-{uuid.uuid4().hex}")
    try:
        write_collections(temporary, bundle.catalog, bundle.embeddings, progress)
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
