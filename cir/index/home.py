"""The folder for files that can be made again."""

import atexit
import functools
import logging
import os
import shutil
import tempfile
from pathlib import Path

import platformdirs

HOME_VARIABLE = "CIR_HOME"
"""Environment variable: folder of files that can be made again; by default in the user's cache."""

_logger = logging.getLogger(__name__)


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


@functools.cache
def _temporary_home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cir-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
