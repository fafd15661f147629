"""What instruments of each family play in real songs, in excerpts of ten seconds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.datasets.midi_files import Part, read_folder
from cir.errors import DataError
from cir.files import replacing
from cir.instruments.families import FAMILIES
from cir.schema import read_json
from cir.types import Note, Progress

EXCERPT_SECONDS = 10.0
FEWEST_NOTES = 4
MOST_PER_FAMILY = 2_000
"""A fair sample of as many is kept of a large collection."""

_MILLISECONDS = 1_000
_LOWEST = (0, 1, 0, 1)
_HIGHEST = (
    127,
    127,
    round(EXCERPT_SECONDS * _MILLISECONDS),
    round(EXCERPT_SECONDS * _MILLISECONDS),
)
"""Pitch, velocity, start and duration of a note as they are saved."""


@dataclass(frozen=True)
class ScoreBook:
    """Excerpts by family, each at least four notes that start within its ten seconds.

    Excerpts begin at multiples of ten seconds of their song; notes that started earlier are left
    out, those that last longer are cut.
    """

    excerpts: Mapping[str, Sequence[tuple[Note, ...]]]

    @property
    def families(self) -> tuple[str, ...]:
        """Families with at least one excerpt."""
        return tuple(self.excerpts)

    def excerpt(self, family: str, generator: np.random.Generator) -> tuple[Note, ...]:
        """Draw an excerpt, all alike.

        Raises:
            DataError: the family plays in none of the songs.
        """
        if family not in self.excerpts:
            there = ", ".join(self.excerpts)
            raise DataError(f"No score for the family {family!r}; there are some for {there}.")
        choice = self.excerpts[family]
        return choice[int(generator.integers(len(choice)))]

    @classmethod
    def from_midi(
        cls, folder: str | Path, *, seed: int = 0, progress: Progress | None = None
    ) -> "ScoreBook":
        """Cut the songs of a folder, and of those within it, into excerpts.

        Args:
            folder: of MIDI files; broken ones are skipped, drums left out.
            seed: of the sample, where there are more excerpts than `MOST_PER_FAMILY`.
            progress: told how far it is.

        Raises:
            InputError: there is no such folder, or no MIDI file in it.
            DataError: no excerpt has notes enough.
        """
        samples = {family: _Sample(number, seed) for number, family in enumerate(FAMILIES)}
        for _, parts in read_folder(folder, progress=progress):
            for part in parts or ():
                if part.family is not None:
                    for excerpt in _cut(part):
                        samples[part.family].offer(excerpt)
        kept = {family: tuple(sample.kept) for family, sample in samples.items() if sample.kept}
        if not kept:
            raise DataError(
                f"The MIDI files of {folder} have no {EXCERPT_SECONDS:.0f} seconds "
                f"with {FEWEST_NOTES} notes of one instrument."
            )
        return cls(kept)

    @classmethod
    def open(cls, path: str | Path, *, progress: Progress | None = None) -> "ScoreBook":
        """Load a saved book, or cut the songs of a folder."""
        if Path(path).is_dir():
            return cls.from_midi(path, progress=progress)
        return cls.load(path)

    def save(self, path: str | Path) -> None:
        """Write JSON, atomically: a flat list per excerpt, times in milliseconds."""
        document = {
            family: [[number for note in excerpt for number in _pack(note)] for excerpt in choice]
            for family, choice in self.excerpts.items()
        }
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "ScoreBook":
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or not what `save` writes.
        """
        try:
            document = read_json(Path(path), dict[str, list[list[int]]], error=DataError)
            excerpts = {
                family: tuple(_unpack(numbers) for numbers in choice)
                for family, choice in document.items()
            }
        except (DataError, ValueError, TypeError, OverflowError) as error:
            raise DataError(f"{path} holds no scores: {error}.") from None
        if not excerpts or not all(excerpts.values()) or not excerpts.keys() <= set(FAMILIES):
            raise DataError(f"{path} holds no scores: its families are {sorted(excerpts)}.")
        return cls(excerpts)


class _Sample:
    """A uniform sample of a stream of unknown length (Vitter's algorithm R)."""

    def __init__(self, number: int, seed: int) -> None:
        self.kept: list[tuple[Note, ...]] = []
        self._generator = np.random.default_rng([seed, number])
        self._n_seen = 0

    def offer(self, excerpt: tuple[Note, ...]) -> None:
        self._n_seen += 1
        if len(self.kept) < MOST_PER_FAMILY:
            self.kept.append(excerpt)
            return
        place = int(self._generator.integers(self._n_seen))
        if place < MOST_PER_FAMILY:
            self.kept[place] = excerpt


def _cut(part: Part) -> Iterator[tuple[Note, ...]]:
    windows: dict[int, list[Note]] = {}
    for note in part.notes:
        windows.setdefault(int(note.start_seconds // EXCERPT_SECONDS), []).append(note)
    for number, notes in windows.items():
        origin = number * EXCERPT_SECONDS
        shifted = [_shift(note, origin) for note in notes]
        excerpt = tuple(note for note in shifted if note.duration_seconds > 0.0)
        if len(excerpt) >= FEWEST_NOTES:
            yield excerpt


def _shift(note: Note, origin_seconds: float) -> Note:
    """Count time from the excerpt's beginning, in whole milliseconds, and end with it."""
    start = round(note.start_seconds - origin_seconds, 3)
    duration = round(min(note.duration_seconds, EXCERPT_SECONDS - start), 3)
    return Note(note.pitch, note.velocity, start, duration)


def _pack(note: Note) -> tuple[int, int, int, int]:
    start, duration = (
        round(seconds * _MILLISECONDS) for seconds in (note.start_seconds, note.duration_seconds)
    )
    return note.pitch, note.velocity, start, duration


def _unpack(numbers: list[int]) -> tuple[Note, ...]:
    table = np.array(numbers, dtype=np.int64).reshape(-1, 4)
    if len(table) < FEWEST_NOTES or (table < _LOWEST).any() or (table > _HIGHEST).any():
        raise ValueError(f"an excerpt of {len(table)} notes, or a note out of range")
    return tuple(
        Note(pitch, velocity, start / _MILLISECONDS, duration / _MILLISECONDS)
        for pitch, velocity, start, duration in table.tolist()
    )
