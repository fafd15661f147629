"""The bundled notes and stems of the Learn tab."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from cir.errors import DataError
from cir.types import Instrument

LEARN_FILE = "learn.json"


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
