"""Everything temporary of one running page lies in one folder, which goes when the page does.

Gradio's uploads, the sounds of visits and whatever `tempfile` makes: at the end, at SIGTERM too,
the folder is removed. A page that was killed could not do that; the next one does. It knows the
folders of the dead by their locks, which the system drops with a process, however it ends.
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
"""Environment variable: where temporary files go; the system's own place without it."""

SESSIONS_NAME = "cir-sessions"
"""What visits keep until they end, in the folder of uploads."""

UPLOAD_SECONDS = 3600.0
"""How long an upload stays; what a visit needs for longer, it keeps."""

_SWEEP_SECONDS = 300.0


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Send all temporary files of this process to one folder, and remove it afterwards.

    Gives the folder. Meanwhile uploads go an hour after they came.

    Raises:
        InputError: nothing can be written there.
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
                f"{UPLOADS_VARIABLE} to a folder that has room and can be written."
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
    """Let Gradio write to one folder, and `tempfile` to another, which Gradio does not serve."""
    variable, directory = os.environ.get(UPLOADS_VARIABLE), tempfile.tempdir
    of_mcp = gradio.mcp.DEFAULT_TEMP_DIR  # read from the variable when Gradio was imported
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
    """Remove what came longer ago than this, whole or in part, and the folders that this empties.

    Gradio's `delete_cache` leaves the folders, and does not know the files that its MCP server
    took in.
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
    """When it was last changed; now, where it is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
