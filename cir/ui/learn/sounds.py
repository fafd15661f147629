"""Sounds of the Learn tab: bundled notes and stems, cached mixes, and embeddings of notes."""

import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from cir.audio.io import load_audio, save_opus
from cir.errors import DataError
from cir.types import SAMPLE_RATE, FloatArray, Instrument, Progress
from cir.ui.service import PageService

MAX_FILES = 400
"""About 20 MB; the least recently used file is removed first."""

LEARN_FILE = "learn.json"

_MAX_SECONDS = 30.0


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


@dataclass(frozen=True)
class RecordedNote:
    """A single note of an instrument."""

    path: Path
    pitch: int
    """MIDI note number."""


@dataclass(frozen=True)
class NotePair:
    """An instrument with notes at two pitches."""

    instrument: Instrument
    notes: tuple[RecordedNote, RecordedNote]
    """The reference note, and one at least a few semitones away."""

    @property
    def family(self) -> str:
        """Slug of the family; all these instruments have one."""
        return str(self.instrument.family)


@dataclass(frozen=True)
class Stem:
    """The part of one instrument in a scene."""

    pair: NotePair
    path: Path


@dataclass(frozen=True)
class Scene:
    """A mix as stems of equal length that add up to it."""

    title: str
    stems: tuple[Stem, ...]


@dataclass(frozen=True)
class LearnSounds:
    """The content of `learn.json`."""

    pairs: tuple[NotePair, ...]
    scenes: tuple[Scene, ...]

    def of_family(self, family: str) -> tuple[NotePair, ...]:
        """Return the instruments of a family, in the order of the file."""
        return tuple(pair for pair in self.pairs if pair.family == family)


def learn_folder() -> Path:
    """Return the folder of the bundled sounds."""
    return Path(str(files("cir"))) / "assets" / "learn"


def load_learn_sounds(folder: Path | None = None) -> LearnSounds:
    """Read `learn.json` of a folder, the bundled one by default.

    Raises:
        DataError: The file is missing or damaged, or a sound that it names is missing.
    """
    root = learn_folder() if folder is None else folder
    index = root / LEARN_FILE
    try:
        table = json.loads(index.read_text(encoding="utf-8"))
        pairs = {
            pair.instrument.instrument_id: pair
            for pair in (_read_pair(row, root) for row in table["instruments"])
        }
        scenes = tuple(_read_scene(row, pairs, root) for row in table["scenes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{index} is not a readable list of sounds ({error}); install the package again."
        ) from error
    sounds = LearnSounds(tuple(pairs.values()), scenes)
    missing = [path.name for path in _paths(sounds) if not path.is_file()]
    if missing:
        raise DataError(f"{root} lacks {', '.join(missing)}; install the package again.")
    return sounds


def _read_pair(row: dict[str, Any], root: Path) -> NotePair:
    first, second = (RecordedNote(root / note["file"], int(note["pitch"])) for note in row["notes"])
    return NotePair(Instrument(**row["instrument"]), (first, second))


def _read_scene(row: dict[str, Any], pairs: dict[str, NotePair], root: Path) -> Scene:
    stems = (Stem(pairs[stem["instrument_id"]], root / stem["file"]) for stem in row["stems"])
    return Scene(str(row["title"]), tuple(stems))


def _paths(sounds: LearnSounds) -> list[Path]:
    notes = [note.path for pair in sounds.pairs for note in pair.notes]
    return notes + [stem.path for scene in sounds.scenes for stem in scene.stems]


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
