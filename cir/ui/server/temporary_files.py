"""One temporary folder per running page, removed when the page ends.

It holds Gradio's uploads, the sounds of visits and all files of `tempfile`. It is removed on exit
and on SIGTERM. The folder of a killed page is removed by the next page, which recognises it by its
lock: the system releases the locks of a process however it ends.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import gradio.mcp

from cir.errors import InputError
from cir.files import workspace

UPLOADS_VARIABLE = "GRADIO_TEMP_DIR"
"""Environment variable with the folder for temporary files; the system's by default."""

SESSIONS_NAME = "cir-sessions"
"""Folder of the files that visits keep until they end, among the uploads."""

UPLOAD_SECONDS = 3600.0
"""Age at which uploads are removed; visits keep copies of what they need."""

_SWEEP_SECONDS = 300.0


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Redirect all temporary files of this process to one folder and remove it afterwards.

    Uploads in it are removed after an hour.

    Yields:
        The folder.

    Raises:
        InputError: It cannot be written.
    """
    base = Path(os.environ.get(UPLOADS_VARIABLE) or tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            base.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(workspace("page", base))
            uploads, work = folder / "uploads", folder / "work"
            uploads.mkdir()
            work.mkdir()
        except OSError as error:
            raise InputError(
                f"Temporary files cannot be written to {base} ({error.strerror}); set "
                f"{UPLOADS_VARIABLE} to a writable folder with free space."
            ) from error
        ended = threading.Event()
        threading.Thread(
            target=_sweep_until, args=[ended, uploads], name="cir-sweep", daemon=True
        ).start()
        stack.callback(ended.set)
        stack.enter_context(_sent_to(uploads, work))
        yield folder


@contextmanager
def _sent_to(uploads: Path, work: Path) -> Iterator[None]:
    """Redirect Gradio to one folder, and `tempfile` to another, which Gradio does not serve."""
    variable, directory = os.environ.get(UPLOADS_VARIABLE), tempfile.tempdir
    of_mcp = gradio.mcp.DEFAULT_TEMP_DIR  # Gradio has read the variable on import
    os.environ[UPLOADS_VARIABLE] = gradio.mcp.DEFAULT_TEMP_DIR = str(uploads)
    tempfile.tempdir = str(work)
    try:
        yield
    finally:
        gradio.mcp.DEFAULT_TEMP_DIR, tempfile.tempdir = of_mcp, directory
        if variable is None:
            del os.environ[UPLOADS_VARIABLE]
        else:
            os.environ[UPLOADS_VARIABLE] = variable


def remove_old_uploads(uploads: Path, seconds: float = UPLOAD_SECONDS) -> None:
    """Remove uploads of this age, complete or not, and the folders that become empty.

    Gradio's `delete_cache` leaves the folders and the uploads of its MCP server.
    """
    oldest = time.time() - seconds
    for path, _, names in os.walk(uploads, topdown=False):
        folder = Path(path)
        if SESSIONS_NAME in folder.relative_to(uploads).parts:
            continue
        for file in (folder / name for name in names):
            if _modified(file) < oldest:
                file.unlink(missing_ok=True)
        if folder != uploads and _modified(folder) < oldest:
            _remove_if_empty(folder)


def _sweep_until(ended: threading.Event, uploads: Path) -> None:
    while not ended.wait(_SWEEP_SECONDS):
        remove_old_uploads(uploads)


def _modified(path: Path) -> float:
    """Return the modification time; the current time if the file is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
