"""A folder of recorded notes: two tables and one Opus file of notes per instrument.

`instruments.csv` lists the instruments, `notes.csv` the place of each note in `notes/<id>.opus`.
`previews/<id>.opus` is the reference note at 48 kHz, for listening.
"""

from collections import defaultdict
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, cast

import soundfile
from pydantic import Field

from cir.errors import DataError
from cir.files import expand_data_folder
from cir.instruments.catalog import INSTRUMENT_ID, make_instrument_id
from cir.schema import read_table
from cir.types import SAMPLE_RATE, FloatArray

REFERENCE_INDEX = 0
MAX_SECONDS = 3_600.0
"""Longest note, and longest file of an instrument."""

_MAX_SAMPLES = int(MAX_SECONDS * SAMPLE_RATE)
_Id = Annotated[str, Field(pattern=f"^{INSTRUMENT_ID}$", max_length=200)]


@dataclass(frozen=True)
class BankInstrument:
    """A row of `instruments.csv`."""

    instrument_id: _Id
    name: str
    family: str | None
    category: str
    bank: str
    author: str
    effects: str
    split: str
    polyphony: str = ""
    """`Poly`, or `Mono` and its kind; empty if unknown."""
    licence: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", self.family or None)

    @property
    def is_monophonic(self) -> bool:
        """Whether the instrument plays one note at a time."""
        return self.polyphony.startswith("Mono")


@dataclass(frozen=True)
class BankNote:
    """One recorded note and its place in the instrument's file."""

    index: int
    """0 is the reference note. Unique within an instrument and its effects-off twin."""
    pitch: int
    velocity: int
    duration_seconds: float
    """How long the key was held."""
    effects_on: bool
    start: int
    """First sample inside the instrument's file, at 16 kHz."""
    length: int
    """Samples at 16 kHz."""
    gain_db: float
    """Gain that brought the note to a peak of 0.9."""


@dataclass(frozen=True)
class _NoteRow:
    """A row of `notes.csv` as it is written."""

    instrument_id: _Id
    index: Annotated[int, Field(ge=0)]
    pitch: Annotated[int, Field(ge=0, le=127)]
    velocity: Annotated[int, Field(ge=1, le=127)]
    duration_s: Annotated[float, Field(gt=0, le=MAX_SECONDS)]
    fx: Literal["on", "off"]
    start: Annotated[int, Field(ge=0, le=_MAX_SAMPLES)]
    length: Annotated[int, Field(ge=1, le=_MAX_SAMPLES)]
    gain_db: Annotated[float, Field(ge=-300, le=300)]

    def note(self) -> BankNote:
        """Convert the row."""
        return BankNote(
            self.index,
            self.pitch,
            self.velocity,
            self.duration_s,
            self.fx == "on",
            self.start,
            self.length,
            self.gain_db,
        )


NOTE_COLUMNS = tuple(field.name for field in fields(_NoteRow))
_INSTRUMENT_COLUMNS = tuple(
    field.name for field in fields(BankInstrument) if field.default is MISSING
)


class NoteBank:
    """A note bank: tables in memory, sounds on disk."""

    def __init__(
        self,
        folder: Path,
        instruments: tuple[BankInstrument, ...],
        notes: dict[str, tuple[BankNote, ...]],
    ) -> None:
        self.folder = folder
        self.instruments = instruments
        self._notes = notes
        self._by_id = {row.instrument_id: row for row in instruments}

    @classmethod
    def open(cls, folder: Path | str) -> "NoteBank":
        """Read the tables of `folder`, which may begin with `$CIR_DATA`.

        Raises:
            InputError: It does, and the environment has no `CIR_DATA`.
            DataError: A table is missing, lacks a column, or names an instrument twice.
        """
        folder = expand_data_folder(folder)
        for name in ("instruments.csv", "notes.csv"):
            if not (folder / name).is_file():
                raise DataError(
                    f"{folder} is not a note bank, it has no {name}; give a folder with "
                    "instruments.csv, notes.csv and notes, as `cir render-notes` writes."
                )
        notes: dict[str, list[BankNote]] = defaultdict(list)
        for row in read_table(folder / "notes.csv", _NoteRow, NOTE_COLUMNS):
            notes[row.instrument_id].append(row.note())
        instruments = tuple(
            read_table(folder / "instruments.csv", BankInstrument, _INSTRUMENT_COLUMNS)
        )
        if len({row.instrument_id for row in instruments}) != len(instruments):
            raise DataError(
                f"{folder / 'instruments.csv'} names an instrument twice; ids are unique."
            )
        return cls(folder, instruments, {key: tuple(value) for key, value in notes.items()})

    @property
    def name(self) -> str:
        """The folder's name, as a slug: `surge`, `surge-xt`."""
        return make_instrument_id(self.folder.resolve().name)

    def __contains__(self, instrument_id: object) -> bool:
        return instrument_id in self._by_id

    def __getitem__(self, instrument_id: str) -> BankInstrument:
        try:
            return self._by_id[instrument_id]
        except KeyError:
            raise DataError(
                f"No instrument {instrument_id!r} in the note bank {self.folder}; "
                f"it has {len(self.instruments)}, listed in instruments.csv."
            ) from None

    def notes(self, instrument_id: str, *, effects_on: bool = True) -> tuple[BankNote, ...]:
        """Return the notes of an instrument or of its effects-off twin, in table order."""
        rows = self._notes.get(self[instrument_id].instrument_id, ())
        return tuple(note for note in rows if note.effects_on == effects_on)

    def audio(self, instrument_id: str, *, effects_on: bool = True) -> list[FloatArray]:
        """Decode the notes that `notes` lists, each mono at 16 kHz with a peak of about 0.9."""
        path = self.folder / "notes" / f"{self[instrument_id].instrument_id}.opus"
        stream = _decode(path)
        notes = self.notes(instrument_id, effects_on=effects_on)
        if notes and max(note.start + note.length for note in notes) > len(stream):
            raise DataError(f"{path} is shorter than notes.csv says; fetch it again.")
        return [stream[note.start : note.start + note.length] for note in notes]

    def first_notes(self, instrument_id: str, count: int) -> list[FloatArray]:
        """Decode the first `count` notes, beginning with the reference note, as `audio` does.

        Much faster than `audio`, as the rest of the file is not decoded.

        Raises:
            DataError: The reference note is missing, or a note cannot be read.
        """
        notes = self.notes(instrument_id)[:count]
        if not notes or notes[0].index != REFERENCE_INDEX:
            raise DataError(
                f"The instrument {instrument_id!r} of {self.folder} has no reference note; "
                f"notes.csv should give it one with the index {REFERENCE_INDEX}."
            )
        path = self.folder / "notes" / f"{instrument_id}.opus"
        first = min(note.start for note in notes)
        last = max(note.start + note.length for note in notes)
        stream = _read(path, start=first, frames=last - first)
        if len(stream) < last - first:
            raise DataError(f"{path} is shorter than notes.csv says; fetch it again.")
        starts = [note.start - first for note in notes]
        return [
            stream[start : start + note.length] for start, note in zip(starts, notes, strict=True)
        ]

    def reference(self, instrument_id: str) -> FloatArray:
        """Decode the reference note, mono at 16 kHz.

        Raises:
            DataError: The note is missing or cannot be read.
        """
        return self.first_notes(instrument_id, 1)[0]

    def preview_path(self, instrument_id: str) -> Path:
        """Return the path of the reference note at 48 kHz."""
        return self.folder / "previews" / f"{self[instrument_id].instrument_id}.opus"


@lru_cache(maxsize=2)  # an instrument and its effects-off twin share a file
def _decode(path: Path) -> FloatArray:
    stream = _read(path)
    stream.setflags(write=False)
    return stream


def _read(path: Path, start: int = 0, frames: int = -1) -> FloatArray:
    try:
        stream, sample_rate = soundfile.read(path, dtype="float32", start=start, frames=frames)
    except (OSError, soundfile.SoundFileError) as error:
        raise DataError(f"Cannot read the notes in {path}: {error}") from error
    if sample_rate != SAMPLE_RATE or stream.ndim != 1:
        raise DataError(f"{path} is not mono at {SAMPLE_RATE} Hz (got {sample_rate} Hz).")
    return cast(FloatArray, stream)
