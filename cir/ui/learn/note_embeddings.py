"""Embeddings of single notes, one per file, cached."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio
from cir.types import SAMPLE_RATE, FloatArray, Progress
from cir.ui.service import PageService

_MAX_SECONDS = 30.0


class NoteEmbedder:
    """Embeds sound files of single notes; shared by all visitors.

    The database may hold an embedding over several notes of an instrument; this one is of the note
    that the visitor hears.

    Args:
        service: The model.
    """

    def __init__(self, service: PageService) -> None:
        self._service = service
        self._embeddings: dict[Path, FloatArray] = {}
        self._lock = threading.Lock()

    def embed(self, paths: Sequence[Path], progress: Progress | None = None) -> FloatArray:
        """Return the embeddings of notes, (N, D), unit norm.

        Raises:
            InputError: A file is not a sound.
            CirError: The model cannot be loaded.
        """
        with self._lock:
            new = [path for path in dict.fromkeys(paths) if path not in self._embeddings]
            if new:
                sounds = [note_audio(path) for path in new]
                made = self._service.encoder.embed(sounds, SAMPLE_RATE, progress=progress)
                self._embeddings.update(zip(new, made, strict=True))
            return np.stack([self._embeddings[path] for path in paths])

    def similarity(self, first: Path, second: Path) -> float:
        """Return the cosine similarity of two notes, in [-1, 1]."""
        one, other = self.embed([first, second])
        return float(np.clip(one @ other, -1.0, 1.0))


def note_audio(path: Path) -> FloatArray:
    """Read a note as the model takes it: mono at 16 kHz, (T,)."""
    return load_audio(path, sample_rate=SAMPLE_RATE, max_seconds=_MAX_SECONDS)[0]
