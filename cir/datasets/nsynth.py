"""NSynth in its official layout: `examples.json` beside `audio/*.wav`.

NSynth's own valid and test splits share instruments, so instruments are divided anew.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from cir.datasets.base import DatasetInstrument, RecordedNote, fingerprint, generator_for
from cir.datasets.midi_statistics import DEFAULT_PATH, NoteStatistics, load_statistics
from cir.datasets.recorded import record
from cir.errors import DataError, InputError
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import family_of_nsynth
from cir.instruments.splits import check_split, split_instruments
from cir.schema import read_json
from cir.types import SAMPLE_RATE, FloatArray

REFERENCE_VELOCITY = 100

PITCH_RANGES: Mapping[str, range] = {
    "bass": range(23, 64),
    "brass": range(31, 90),
    "flute": range(35, 109),
    "guitar": range(25, 87),
    "keyboard": range(21, 109),
    "mallet": range(36, 109),
    "organ": range(21, 97),
    "reed": range(31, 97),
    "string": range(24, 97),
    "synth_lead": range(36, 85),
    "vocal": range(38, 87),
}
"""Pitches that are kept of each family (the paper's choice)."""

EXCLUDED = frozenset(
    {"bass_synthetic_000", "bass_synthetic_002", "guitar_electronic_014"}
    | {f"vocal_synthetic_{number:03d}" for number in (0, 1, 2, 3, 7, 8, 9, 10, 12)}
)
"""Instruments that the paper leaves out, too."""


@dataclass(frozen=True)
class _Recording:
    pitch: int
    velocity: int
    path: Path


@dataclass(frozen=True)
class _Row:
    """The fields of `examples.json` that are read."""

    instrument_str: str
    instrument_family_str: str
    pitch: int
    velocity: int


class NSynthDataset:
    """Notes of NSynth's instruments; a `NoteDataset`.

    An instrument has hundreds of recordings. Its reference note is the one nearest to its median
    pitch, then to velocity 100; the others are those nearest to notes drawn from its family's MIDI
    statistics, each taken once. Splits depend on all instruments in the folder: train and test on
    the same folder.

    Args:
        folder: One of NSynth's splits (`nsynth-valid`), or a folder that holds several.
        n_notes: Most notes of an instrument, the reference note included.
        seed: Seed of the split and the drawn notes.

    Raises:
        InputError: The folder has no `examples.json`.
        DataError: `examples.json` is damaged.
    """

    name = "nsynth"

    def __init__(self, folder: str | Path, *, n_notes: int = 24, seed: int = 0) -> None:
        self._tables = _find_tables(Path(folder))
        self._n_notes = n_notes
        self._seed = seed
        self._statistics = load_statistics()
        recordings: defaultdict[str, list[_Recording]] = defaultdict(list)
        families: dict[str, str] = {}
        for table in self._tables:
            for name, nsynth_family, recording in _read_table(table):
                if name in EXCLUDED or recording.pitch not in PITCH_RANGES[nsynth_family]:
                    continue
                instrument_id = make_instrument_id(name)
                families[instrument_id] = family_of_nsynth(nsynth_family)
                recordings[instrument_id].append(recording)
        self._recordings = dict(recordings)
        undivided = [
            DatasetInstrument(instrument_id, families[instrument_id], "")
            for instrument_id in sorted(families)
        ]
        splits = split_instruments(undivided, seed=seed)
        self._instruments = [
            DatasetInstrument(row.instrument_id, row.family, splits[row.instrument_id])
            for row in undivided
        ]

    @property
    def fingerprint(self) -> str:
        """See `NoteDataset`."""
        files = [*self._tables, DEFAULT_PATH]
        return fingerprint(self.name, files, n_notes=self._n_notes, seed=self._seed)

    def instruments(self, split: str) -> Sequence[DatasetInstrument]:
        """See `NoteDataset`."""
        check_split(split)
        return [row for row in self._instruments if row.split == split]

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        """See `NoteDataset`."""
        return list(self._recorded(instrument))

    def reference(self, instrument: DatasetInstrument) -> RecordedNote | None:
        """See `NoteDataset`."""
        return next(self._recorded(instrument), None)

    def _recorded(self, instrument: DatasetInstrument) -> Iterator[RecordedNote]:
        if instrument not in self._instruments:
            raise DataError(f"The dataset {self.name} has no instrument like {instrument}.")
        recordings = self._recordings[instrument.instrument_id]
        chosen = _choose(
            recordings,
            self._statistics[instrument.family],
            self._n_notes,
            generator_for(self._seed, instrument),
        )
        recorded = (record(row.pitch, _read(row.path)) for row in chosen)
        reference = next(recorded)
        if reference is not None:
            yield reference
            yield from (note for note in recorded if note is not None)


def _choose(
    recordings: Sequence[_Recording],
    statistics: NoteStatistics,
    count: int,
    generator: np.random.Generator,
) -> list[_Recording]:
    median = int(np.median([recording.pitch for recording in recordings]))
    left = sorted(recordings, key=lambda row: (row.pitch, row.velocity, row.path))
    wanted = [(median, REFERENCE_VELOCITY)]
    for _ in range(min(count, len(left)) - 1):
        note = statistics.draw_note(generator)
        wanted.append((note.pitch, note.velocity))
    return [left.pop(_nearest(left, *note)) for note in wanted]


def _nearest(recordings: Sequence[_Recording], pitch: int, velocity: int) -> int:
    return min(
        range(len(recordings)),
        key=lambda i: (abs(recordings[i].pitch - pitch), abs(recordings[i].velocity - velocity), i),
    )


def _find_tables(folder: Path) -> list[Path]:
    here = folder / "examples.json"
    tables = [here] if here.is_file() else sorted(folder.glob("*/examples.json"))
    if not tables:
        raise InputError(
            f"Neither {folder} nor a folder in it has an examples.json of NSynth; "
            "unpack nsynth-train, nsynth-valid or nsynth-test."
        )
    return tables


def _read_table(path: Path) -> list[tuple[str, str, _Recording]]:
    found = []
    try:
        rows = read_json(path, dict[str, _Row], error=DataError, extra="ignore")
    except DataError as error:
        raise DataError(f"{path} is not a table of NSynth's notes: {error}") from None
    for name, row in rows.items():
        if row.instrument_family_str not in PITCH_RANGES or Path(name).name != name:
            raise DataError(
                f"{path} is not a table of NSynth's notes: {name!r:.80} has the family "
                f"{row.instrument_family_str!r:.80}."
            )
        recording = _Recording(row.pitch, row.velocity, path.parent / "audio" / f"{name}.wav")
        found.append((row.instrument_str, row.instrument_family_str, recording))
    return found


def _read(path: Path) -> FloatArray:
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.SoundFileError) as error:
        raise DataError(f"Cannot read NSynth's {path}: {error}") from None
    if sample_rate != SAMPLE_RATE or audio.ndim != 1:
        raise DataError(f"{path} is not mono at {SAMPLE_RATE} Hz, as NSynth is; unpack it again.")
    return np.asarray(audio, np.float32)
