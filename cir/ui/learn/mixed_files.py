"""Sounds that the Learn tab mixes on the way, as files that the browser can play."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cir.audio.io import save_opus
from cir.types import SAMPLE_RATE, FloatArray

MAX_FILES = 400
"""About 20 MB; the file that was not asked for the longest goes first."""


class MixedFiles:
    """A folder of mixed sounds, removed with the page.

    Its `folder` must be among the static paths of the page. Names give nothing of their key away,
    so that a mix in the quiz is not named after its answer.

    Args:
        max_files: how many are kept.
    """

    def __init__(self, max_files: int = MAX_FILES) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="cir-learn-")
        self._max_files = max_files
        self._kept: OrderedDict[Path, None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return Path(self._temporary.name)

    def get(self, key: str, mix: Callable[[], FloatArray]) -> Path:
        """Return the file of a sound, mixed now if it is not there.

        Args:
            key: names the sound; the same key is the same sound.
            mix: makes it, mono at 16 kHz, (T,).
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
