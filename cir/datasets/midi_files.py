"""Reader of standard MIDI files: notes in seconds, by instrument."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from cir.errors import DataError, InputError
from cir.instruments.families import family_of_gm_program
from cir.types import Note, Progress

SUFFIXES = (".mid", ".midi")
DRUM_CHANNEL = 9
"""Channel 10, counted from 0: a drum kit, whose pitches name drums. It is skipped."""

_DEFAULT_TEMPO = 500_000  # microseconds per quarter note: 120 bpm
_SHORTEST_SECONDS = 1e-3
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """Notes that one instrument plays in one file."""

    program: int
    """General MIDI program, 0..127."""
    notes: tuple[Note, ...]
    """Sorted by start."""

    @property
    def family(self) -> str | None:
        """The program's family; None for sound effects."""
        return family_of_gm_program(self.program)


def list_midi_files(folder: str | Path) -> list[Path]:
    """Find the MIDI files of a folder and its subfolders, sorted.

    Raises:
        InputError: The folder does not exist or holds no MIDI file.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; give a folder of MIDI files.")
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"No MIDI file in {root}; their names end in {' or '.join(SUFFIXES)}.")
    return files


def read_folder(
    folder: str | Path, *, progress: Progress | None = None
) -> Iterator[tuple[Path, list[Part] | None]]:
    """Read the MIDI files of a folder one by one; a broken one gives None.

    Raises:
        InputError: See `list_midi_files`.
    """
    files = list_midi_files(folder)
    for done, path in enumerate(files):
        if progress is not None:
            progress(done / len(files), f"Reading MIDI, {done} of {len(files)} files")
        try:
            yield path, read_parts(path)
        except DataError as error:
            _logger.warning("%s", error)
            yield path, None


def read_parts(path: str | Path) -> list[Part]:
    """Read a MIDI file without its drum channel.

    Each track, channel and program is a part of its own. Notes that never end, or at once, are
    left out.

    Raises:
        DataError: The file cannot be read as MIDI.
    """
    try:
        file = mido.MidiFile(path, clip=True)
        if file.ticks_per_beat <= 0:
            raise ValueError("time in SMPTE frames")
        return _parts(file)
    except Exception as error:  # mido raises all kinds of errors over broken files
        raise DataError(f"{path} cannot be read as MIDI: {error!r}.") from error


def _parts(file: "mido.MidiFile") -> list[Part]:
    programs = dict.fromkeys(range(16), 0)
    # Sounding notes, (tick, velocity, program) by (track, channel, pitch), and finished ones.
    held: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    found: dict[tuple[int, int, int], list[tuple[int, int, int, int]]] = {}
    tempos = [(0, _DEFAULT_TEMPO)]
    for tick, _, track, message in _events(file):
        if message.type == "set_tempo":
            tempos.append((tick, message.tempo))
        elif message.type == "program_change":
            programs[message.channel] = message.program
        elif message.channel != DRUM_CHANNEL:
            key = (track, message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                held.setdefault(key, []).append((tick, message.velocity, programs[message.channel]))
            elif held.get(key):
                start, velocity, program = held[key].pop(0)
                part = found.setdefault((track, message.channel, program), [])
                part.append((message.note, velocity, start, tick))
    clock = _Clock(tempos, file.ticks_per_beat)
    parts = [Part(key[2], _in_seconds(rows, clock)) for key, rows in sorted(found.items())]
    return [part for part in parts if part.notes]


def _events(file: "mido.MidiFile") -> "list[tuple[int, int, int, mido.Message]]":
    """(tick, rank, track, message), tempos and programs before the notes of the same tick."""
    events = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            if message.type in ("set_tempo", "program_change"):
                events.append((tick, 0, number, message))
            elif message.type in ("note_on", "note_off"):
                events.append((tick, 1, number, message))
    return sorted(events, key=lambda event: event[:2])


class _Clock:
    """Converts ticks to seconds through all changes of tempo."""

    def __init__(self, tempos: list[tuple[int, int]], ticks_per_beat: int) -> None:
        self._ticks = np.array([tick for tick, _ in tempos], dtype=np.float64)
        self._rates = np.array([tempo for _, tempo in tempos]) / (1e6 * ticks_per_beat)
        passed = np.diff(self._ticks) * self._rates[:-1]
        self._seconds = np.concatenate([[0.0], np.cumsum(passed)])

    def __call__(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        at = np.searchsorted(self._ticks, ticks, side="right") - 1
        seconds: NDArray[np.float64] = (
            self._seconds[at] + (ticks - self._ticks[at]) * self._rates[at]
        )
        return seconds


def _in_seconds(rows: list[tuple[int, int, int, int]], clock: _Clock) -> tuple[Note, ...]:
    starts = clock(np.array([row[2] for row in rows]))
    durations = clock(np.array([row[3] for row in rows])) - starts
    notes = [
        Note(pitch, velocity, float(start), float(duration))
        for (pitch, velocity, _, _), start, duration in zip(rows, starts, durations, strict=True)
        if duration >= _SHORTEST_SECONDS
    ]
    return tuple(sorted(notes, key=lambda note: (note.start_seconds, note.pitch)))
