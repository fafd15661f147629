"""Pitches, velocities and durations of each family in many songs, and notes drawn from them.

Source: the paper draws every note's pitch, velocity and duration independently from its family's
statistics over Slakh. The shipped ones come from the songs of Freedoom.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cir.datasets.midi_files import Part, read_folder
from cir.errors import DataError
from cir.files import replacing
from cir.instruments.families import FAMILIES
from cir.schema import read_json
from cir.types import Note, Progress

DEFAULT_PATH = Path(__file__).parents[1] / "assets" / "midi_statistics.json"

DURATION_EDGES_SECONDS: NDArray[np.float64] = np.geomspace(1 / 64, 16.0, 61)
"""Edges of the duration bins, six per octave; the outermost bins take what lies beyond."""

FEWEST_NOTES = 100
"""A family with fewer notes in its songs has the statistics of all families together."""

_N_PITCHES = 128
_N_DURATIONS = len(DURATION_EDGES_SECONDS) - 1
_FIELDS = ("pitches", "velocities", "durations")


@dataclass(frozen=True, eq=False)
class NoteStatistics:
    """Histograms of at least one note.

    Args:
        pitches: Counts, (128,).
        velocities: Counts, (128,); none has velocity 0.
        durations: Counts per bin of `DURATION_EDGES_SECONDS`, (60,).
    """

    pitches: NDArray[np.int64]
    velocities: NDArray[np.int64]
    durations: NDArray[np.int64]

    @classmethod
    def of_notes(cls, notes: list[Note]) -> "NoteStatistics":
        """Count notes."""
        seconds = np.clip(
            [note.duration_seconds for note in notes], *DURATION_EDGES_SECONDS[[0, -1]]
        )
        return cls(
            np.bincount([note.pitch for note in notes], minlength=_N_PITCHES),
            np.bincount([note.velocity for note in notes], minlength=_N_PITCHES),
            np.histogram(seconds, DURATION_EDGES_SECONDS)[0],
        )

    def __add__(self, other: "NoteStatistics") -> "NoteStatistics":
        return NoteStatistics(
            self.pitches + other.pitches,
            self.velocities + other.velocities,
            self.durations + other.durations,
        )

    @property
    def n_notes(self) -> int:
        """Number of notes counted."""
        return int(self.pitches.sum())

    def draw_note(self, generator: np.random.Generator) -> Note:
        """Draw a note that starts at 0; pitch, velocity and duration are independent."""
        return self.draw_at(_draw(self._pitch_sums, generator), generator)

    def draw_at(self, pitch: int, generator: np.random.Generator) -> Note:
        """Draw velocity and duration of a note of a given pitch."""
        velocity = max(1, _draw(self._velocity_sums, generator))
        low, high = DURATION_EDGES_SECONDS[_draw(self._duration_sums, generator) :][:2]
        seconds = float(low * (high / low) ** generator.random())  # log-uniform within the bin
        return Note(pitch, velocity, 0.0, seconds)

    def draw_pitches(self, count: int, generator: np.random.Generator) -> list[int]:
        """Draw different pitches, at most as many as occur."""
        weights = self.pitches / self.pitches.sum()
        count = min(count, int(np.count_nonzero(weights)))
        return [int(pitch) for pitch in generator.choice(128, count, replace=False, p=weights)]

    @cached_property
    def _pitch_sums(self) -> NDArray[np.int64]:
        return np.cumsum(self.pitches)

    @cached_property
    def _velocity_sums(self) -> NDArray[np.int64]:
        return np.cumsum(self.velocities)

    @cached_property
    def _duration_sums(self) -> NDArray[np.int64]:
        return np.cumsum(self.durations)


_Counts: TypeAlias = list[Annotated[int, Field(ge=0, le=2**48)]]
_PitchCounts: TypeAlias = Annotated[_Counts, Field(min_length=_N_PITCHES, max_length=_N_PITCHES)]


@dataclass(frozen=True)
class _Histograms:
    """Counts of a family as they are saved."""

    pitches: _PitchCounts
    velocities: _PitchCounts
    durations: Annotated[_Counts, Field(min_length=_N_DURATIONS, max_length=_N_DURATIONS)]

    def statistics(self) -> NoteStatistics:
        """Convert the counts, none of which may be all 0."""
        arrays = [np.array(getattr(self, name), np.int64) for name in _FIELDS]
        if not all(counts.any() for counts in arrays):
            raise ValueError("a histogram is empty")
        return NoteStatistics(*arrays)


@dataclass(frozen=True)
class _Document:
    """The JSON file."""

    families: Annotated[dict[str, _Histograms], Field(min_length=1)]
    n_files: int
    n_skipped: int


@dataclass(frozen=True)
class MidiStatistics:
    """Statistics of a folder of songs."""

    families: Mapping[str, NoteStatistics]
    """Families that occur in the songs."""
    n_files: int
    """Number of files read."""
    n_skipped: int
    """Number of broken files."""

    def save(self, path: str | Path) -> None:
        """Write JSON, atomically."""
        document = {
            "n_files": self.n_files,
            "n_skipped": self.n_skipped,
            "families": {
                family: {name: getattr(counts, name).tolist() for name in _FIELDS}
                for family, counts in self.families.items()
            },
        }
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> "MidiStatistics":
        """Read what `save` wrote.

        Raises:
            DataError: The file is missing or damaged.
        """
        if not Path(path).is_file():
            raise DataError(
                f"{path} cannot be read: there is no such file; make it with `cir midi-stats`."
            )
        try:
            document = read_json(Path(path), _Document, error=DataError)
            families = {name: row.statistics() for name, row in document.families.items()}
            if not families.keys() <= set(FAMILIES):
                raise ValueError(f"its families are {sorted(families)}")
            return cls(families, document.n_files, document.n_skipped)
        except (DataError, ValueError) as error:
            raise DataError(
                f"{path} holds no note statistics ({str(error).rstrip('.')}); make them with "
                "`cir midi-stats`."
            ) from None

    def by_family(self) -> dict[str | None, NoteStatistics]:
        """Return the statistics of every family, and of None for all notes together.

        A family with fewer than `FEWEST_NOTES` notes has those of None.
        """
        everything, *others = self.families.values()
        for counts in others:
            everything = everything + counts
        filled: dict[str | None, NoteStatistics] = {None: everything}
        for family in FAMILIES:
            counts = self.families.get(family, everything)
            filled[family] = counts if counts.n_notes >= FEWEST_NOTES else everything
        return filled


def estimate_statistics(folder: str | Path, *, progress: Progress | None = None) -> MidiStatistics:
    """Count the notes of all MIDI files in a folder and its subfolders.

    General MIDI programs give the families. The drum channel is skipped: percussion is the
    chromatic percussion of General MIDI. Broken files are skipped.

    Raises:
        InputError: The folder does not exist or holds no MIDI file.
        DataError: No file has a note of any family.
    """
    families: dict[str, NoteStatistics] = {}
    n_files = n_skipped = 0
    for _, parts in read_folder(folder, progress=progress):
        if parts is None:
            n_skipped += 1
            continue
        n_files += 1
        for family, counts in _count(parts).items():
            families[family] = families[family] + counts if family in families else counts
    if not families:
        raise DataError(
            f"The MIDI files of {folder} have no notes other than drums and sound effects: "
            f"{n_files} were read, {n_skipped} are broken."
        )
    ordered = {family: families[family] for family in FAMILIES if family in families}
    return MidiStatistics(ordered, n_files, n_skipped)


def load_statistics(path: str | Path | None = None) -> dict[str | None, NoteStatistics]:
    """Read the statistics of every family, and of None for instruments without one.

    Args:
        path: File that `cir midi-stats` wrote; None for the bundled one.

    Raises:
        DataError: The file is missing or damaged.
    """
    return MidiStatistics.load(DEFAULT_PATH if path is None else path).by_family()


def _count(parts: list[Part]) -> dict[str, NoteStatistics]:
    notes: dict[str, list[Note]] = {}
    for part in parts:
        if part.family is not None:
            notes.setdefault(part.family, []).extend(part.notes)
    return {family: NoteStatistics.of_notes(played) for family, played in notes.items()}


def _draw(sums: NDArray[np.int64], generator: np.random.Generator) -> int:
    """Draw a bin of a histogram given its running sums."""
    return int(np.searchsorted(sums, generator.integers(sums[-1]), side="right"))
