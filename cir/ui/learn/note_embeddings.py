"""Single notes as the model hears them: one file, one embedding, kept once it was made."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio
from cir.retrieval.windows import SAMPLE_RATE
from cir.types import FloatArray, Progress
from cir.ui.service import PageService

_MAX_SECONDS = 30.0


class NoteListener:
    """Embeds sound files of single notes; shared by all visitors.

    What the page shows beside two sounds is the similarity of these very notes. The database may
    know an instrument by more of its notes than one.

    Args:
        service: has the model.
    """

    def __init__(self, service: PageService) -> None:
        self._service = service
        self._embeddings: dict[Path, FloatArray] = {}
        self._lock = threading.Lock()

    def embed(self, paths: Sequence[Path], progress: Progress | None = None) -> FloatArray:
        """Embed notes, (N, D), unit norm; those heard before cost nothing.

        Raises:
            InputError: a file is no sound.
            CirError: the model cannot be loaded.
        """
        with self._lock:
            new = [path for path in dict.fromkeys(paths) if path not in self._embeddings]
            if new:
                sounds = [note_audio(path) for path in new]
                made = self._service.encoder.embed(sounds, SAMPLE_RATE, progress=progress)
                self._embeddings.update(zip(new, made, strict=True))
            return np.stack([self._embeddings[path] for path in paths])

    def similarity(self, first: Path, second: Path) -> float:
        """Cosine of two notes, in [-1, 1]."""
        one, other = self.embed([first, second])
        return float(np.clip(one @ other, -1.0, 1.0))


def note_audio(path: Path) -> FloatArray:
    """Read a note as the model takes it: mono at 16 kHz, (T,)."""
    return load_audio(path, sample_rate=SAMPLE_RATE, max_seconds=_MAX_SECONDS)[0]
