"""Temporary files of the sounds that the Learn tab mixes."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cir.audio.io import save_opus
from cir.types import SAMPLE_RATE, FloatArray

MAX_FILES = 400
"""About 20 MB; the least recently used file is removed first."""


class MixedFiles:
    """A cache of mixed sounds in a temporary folder, which must be a static path of the page.

    File names are hashes of the keys, so that the name of a quiz mix does not reveal the answer.

    Args:
        max_files: Maximum number of files.
    """

    def __init__(self, max_files: int = MAX_FILES) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="cir-learn-")
        self._max_files = max_files
        self._kept: OrderedDict[Path, None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """The temporary folder."""
        return Path(self._temporary.name)

    def get(self, key: str, mix: Callable[[], FloatArray]) -> Path:
        """Return the file of a sound; mix it if it does not exist.

        Args:
            key: Identifies the sound.
            mix: Makes it, mono at 16 kHz, (T,).
        """
        path = self.folder / f"{sha256(key.encode()).hexdigest()[:24]}.opus"
        with self._lock:
            if path not in self._kept or not path.is_file():
                save_opus(path, mix(), SAMPLE_RATE)
            self._kept[path] = None
            self._kept.move_to_end(path)
            while len(self._kept) > self._max_files:
                oldest, _ = self._kept.popitem(last=False)
                oldest.unlink(missing_ok=True)
        return path
