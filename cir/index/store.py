"""Where Chroma stores lie, and how each is built once, whoever asks at the same time."""

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
from importlib.metadata import version
from pathlib import Path

import platformdirs
from filelock import FileLock

from cir.index.bundle import Bundle
from cir.index.chroma import ChromaStore
from cir.types import Progress

HOME_VARIABLE = "CIR_HOME"
"""Environment variable: the folder for what can be made again; by default in the user's cache."""

_LAYOUT_VERSION = "1"
_READY_NAME = "ready"
_UNUSED_DAYS = 30
_logger = logging.getLogger(__name__)


def home() -> Path:
    """Return a writable folder for what can be made again, and make it."""
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
        _logger.warning("%s cannot be written; set %s to keep the index", folder, HOME_VARIABLE)
        return _temporary_home()


def ensure_store(bundle: Bundle, progress: Progress | None = None) -> Path:
    """Return the folder of the bundle's Chroma store; build it where there is none yet.

    The folder is named by the content of the bundle, so a bundle that changed gets another one. It
    is built under a temporary name and then renamed, under a lock: of two processes that start at
    once, one builds and the other waits.
    """
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
    return target


def discard_store(folder: Path) -> None:
    """Mark a damaged store, so that the next process builds it again."""
    with contextlib.suppress(OSError):
        (folder / _READY_NAME).unlink()


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
        ChromaStore.build(temporary, bundle.catalog, bundle.embeddings, progress)
        (temporary / _READY_NAME).touch()
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unused(stores: Path, keep: Path) -> None:
    """Drop stores that no process opened for a month: of bundles that changed since."""
    oldest = time.time() - _UNUSED_DAYS * 86_400
    for ready in stores.glob(f"*/{_READY_NAME}"):
        with contextlib.suppress(OSError):
            if ready.parent != keep and ready.stat().st_mtime < oldest:
                shutil.rmtree(ready.parent)
