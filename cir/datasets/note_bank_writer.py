"""Write any dataset as a note bank: a folder that loads fast, whatever made its notes."""

import csv
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from cir.audio.io import save_opus
from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.datasets.work_ahead import work_ahead
from cir.errors import DataError, InputError
from cir.files import replacing
from cir.instruments.note_bank import NOTE_COLUMNS
from cir.schema import read_rows
from cir.types import SAMPLE_RATE, Progress

INSTRUMENT_COLUMNS = (
    *("instrument_id", "name", "family", "category", "bank", "author", "effects", "polyphony"),
    *("split", "n_notes"),
)
_GAP_SAMPLES = SAMPLE_RATE * 20 // 1000
_SAVE_EVERY = 25
_UNKNOWN_VELOCITY = 100

Row = dict[str, str]


def write_note_bank(
    dataset: NoteDataset,
    folder: str | Path,
    *,
    splits: Sequence[str] = ("train",),
    n_threads: int = 2,
    progress: Progress | None = None,
) -> int:
    """Write a dataset's notes to a folder that `NoteBank.open` reads.

    Instruments that an interrupted call has written are kept. Datasets tell neither velocities nor
    how long a key was held: the tables have 100 and the length of the sound.

    Args:
        dataset: Source of the notes.
        folder: A new folder, or that of an interrupted call with the same dataset.
        splits: Splits to write.
        n_threads: Instruments rendered at once.
        progress: Called after each instrument.

    Returns:
        Number of instruments in the folder; those without a reference note are left out.

    Raises:
        InputError: The folder has notes of another dataset, or of this one with other splits.
        DataError: The folder has tables that this function has not written.
        CirError: The dataset cannot give its notes.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the notes.")
    instruments, notes = _read_finished(folder)
    groups = [
        list(group)
        for split in splits
        for _, group in groupby(dataset.instruments(split), key=lambda row: row.instrument_id)
    ]
    _check_kept(folder, instruments, dataset.name, [group[0] for group in groups])
    missing = [group for group in groups if group[0].instrument_id not in instruments]
    done = len(groups) - len(missing)

    def play(group: list[DatasetInstrument]) -> list[list[RecordedNote]]:
        return [dataset.notes(row) for row in group]

    try:
        for group, played in zip(missing, work_ahead(play, missing, n_threads), strict=True):
            name = group[0].instrument_id
            rows = _write_sounds(folder, group, played)
            if rows:
                notes[name] = rows
                instruments[name] = _instrument_row(dataset, group[0], rows)
            done += 1
            if done % _SAVE_EVERY == 0:
                _save_tables(folder, instruments, notes)
            if progress is not None:
                progress(done / len(groups), f"{name}, {len(rows)} notes")
    finally:
        _save_tables(folder, instruments, notes)
    return len(instruments)


def _write_sounds(
    folder: Path, group: list[DatasetInstrument], played: list[list[RecordedNote]]
) -> list[Row]:
    if not played[0]:  # a twin without its original is useless
        return []
    rows: list[Row] = []
    sounds = []
    start = 0
    for instrument, notes in zip(group, played, strict=True):
        for note in notes:
            rows.append(
                {
                    "instrument_id": instrument.instrument_id,
                    "index": str(len(rows)),
                    "pitch": str(note.pitch),
                    "velocity": str(_UNKNOWN_VELOCITY),
                    "duration_s": f"{note.audio.size / SAMPLE_RATE:.4f}",
                    "fx": "on" if instrument.effects_on else "off",
                    "start": str(start),
                    "length": str(note.audio.size),
                    "gain_db": f"{note.gain_db:.2f}",
                }
            )
            sounds += [note.audio, np.zeros(_GAP_SAMPLES, np.float32)]
            start += note.audio.size + _GAP_SAMPLES
    if rows:
        path = folder / "notes" / f"{group[0].instrument_id}.opus"
        save_opus(path, np.concatenate(sounds), SAMPLE_RATE)
    return rows


def _instrument_row(dataset: NoteDataset, instrument: DatasetInstrument, rows: list[Row]) -> Row:
    values = dict.fromkeys(INSTRUMENT_COLUMNS, "")
    values.update(
        instrument_id=instrument.instrument_id,
        name=instrument.instrument_id,
        family=instrument.family or "",
        bank=dataset.name,
        effects="on" if any(row["fx"] == "off" for row in rows) else "",
        split=instrument.split,
        n_notes=str(len(rows)),
    )
    return values


def _check_kept(
    folder: Path, kept: dict[str, Row], name: str, wanted: Sequence[DatasetInstrument]
) -> None:
    """Refuse to mix datasets, or splits of two seeds: training of one is the test of the other."""
    foreign = {row["bank"] for row in kept.values()} - {name}
    if foreign:
        raise InputError(
            f"{folder} holds the notes of {', '.join(sorted(foreign))}, not of {name}; "
            "name another folder."
        )
    for row in wanted:
        before = kept.get(row.instrument_id)
        if before is not None and before["split"] != row.split:
            raise InputError(
                f"{folder} was begun with other splits: {row.instrument_id} was in "
                f"{before['split']} and is now in {row.split}; use the same seed and sources, "
                "or another folder."
            )


def _read_finished(folder: Path) -> tuple[dict[str, Row], dict[str, list[Row]]]:
    """Read the rows of instruments whose sounds exist."""
    if not (folder / "instruments.csv").is_file():
        return {}, {}
    instruments = {
        row["instrument_id"]: row
        for row in _read(folder / "instruments.csv", INSTRUMENT_COLUMNS)
        if (folder / "notes" / f"{row['instrument_id']}.opus").is_file()
    }
    notes: dict[str, list[Row]] = {}
    for row in _read(folder / "notes.csv", NOTE_COLUMNS):
        if row["instrument_id"] in instruments:
            notes.setdefault(row["instrument_id"], []).append(row)
    return {name: row for name, row in instruments.items() if name in notes}, notes


def _save_tables(folder: Path, instruments: dict[str, Row], notes: dict[str, list[Row]]) -> None:
    """Write notes before instruments, so that every instrument found has its notes."""
    all_notes = [row for name in instruments for row in notes[name]]
    _write(folder / "notes.csv", NOTE_COLUMNS, all_notes)
    _write(folder / "instruments.csv", INSTRUMENT_COLUMNS, instruments.values())


def _read(path: Path, columns: Sequence[str]) -> list[Row]:
    rows = read_rows(path, columns)
    if rows and tuple(rows[0]) != columns:
        raise DataError(
            f"{path} was not written by an interrupted call, it has other columns; "
            "name a new folder."
        )
    return rows


def _write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
