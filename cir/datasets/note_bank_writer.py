"""Write any dataset as a note bank: a folder that loads fast, whatever made its notes."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import numpy as np

from cir.audio.io import save_opus
from cir.datasets.base import DatasetInstrument, NoteDataset, RecordedNote
from cir.datasets.duplicates import distance, summarise
from cir.datasets.work_ahead import work_ahead
from cir.errors import DataError, InputError
from cir.files import replacing
from cir.instruments.note_bank import NOTE_COLUMNS, NoteBank
from cir.schema import read_rows
from cir.types import SAMPLE_RATE, FloatArray, Progress

INSTRUMENT_COLUMNS = (
    *("instrument_id", "name", "family", "category", "bank", "author", "effects", "polyphony"),
    *("split", "n_notes", "licence", "source"),
)
LEFT_OUT_COLUMNS = ("instrument_id", "reason")
LEFT_OUT_NAME = "left_out.csv"
SILENT = "no reference note"
SAME_AS = "sounds like "
"""Reasons for which an instrument is left out; the second is followed by an id."""

_GAP_SAMPLES = SAMPLE_RATE * 20 // 1000
_SAVE_EVERY = 25

Row = dict[str, str]


def write_note_bank(
    dataset: NoteDataset,
    folder: str | Path,
    *,
    splits: Sequence[str] = ("train",),
    most: int | None = None,
    nearest_db: float = 0.0,
    seed: int = 0,
    licence: str = "",
    n_threads: int = 2,
    progress: Progress | None = None,
) -> int:
    """Write a dataset's notes to a folder that `NoteBank.open` reads.

    Instruments that an interrupted call has written are kept. `left_out.csv` names those that have
    no reference note, and those that sound like another one. Where a dataset does not tell how
    long a key was held, the tables have the length of the sound.

    Args:
        dataset: Source of the notes.
        folder: A new folder, or that of an interrupted call with the same dataset.
        splits: Splits to write.
        most: Number of instruments to draw at random; None for all of them.
        nearest_db: Least `cir.datasets.duplicates.distance` of an instrument to those before it;
            nearer ones are left out. The splits are written one after the other, so that no
            instrument of a later split has a near-duplicate in an earlier one.
        seed: Of the draw.
        licence: Of instruments that do not name their own.
        n_threads: Instruments rendered at once.
        progress: Called after each instrument.

    Returns:
        Number of instruments in the folder.

    Raises:
        InputError: The folder has notes of another dataset, or of this one with other splits.
        DataError: The folder has tables that this function has not written.
        CirError: The dataset cannot give its notes.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the notes.")
    instruments, notes = _read_finished(folder)
    left_out = _read_left_out(folder)
    groups = [
        list(group)
        for split in splits
        for _, group in groupby(dataset.instruments(split), key=lambda row: row.instrument_id)
    ]
    if most is not None and most < len(groups):
        drawn = np.random.default_rng(seed).choice(len(groups), most, replace=False)
        groups = [groups[position] for position in sorted(drawn)]
    _check_kept(folder, instruments, dataset.name, [group[0] for group in groups])
    settled = {*instruments, *left_out}
    missing = [group for group in groups if group[0].instrument_id not in settled]
    done = len(groups) - len(missing)
    known = _Known(folder, instruments, nearest_db)

    def play(group: list[DatasetInstrument]) -> list[list[RecordedNote]]:
        return [dataset.notes(row) for row in group]

    def save() -> None:
        _save_tables(folder, instruments, notes)
        if left_out:
            reasons = ({"instrument_id": name, "reason": why} for name, why in left_out.items())
            _write(folder / LEFT_OUT_NAME, LEFT_OUT_COLUMNS, reasons)

    try:
        for group, played in zip(missing, work_ahead(play, missing, n_threads), strict=True):
            name = group[0].instrument_id
            reason = known.reason_against(name, played[0])
            if reason is None:
                notes[name] = _write_sounds(folder, group, played)
                instruments[name] = _instrument_row(dataset, group[0], notes[name], licence)
            else:
                left_out[name] = reason
            done += 1
            if done % _SAVE_EVERY == 0:
                save()
            if progress is not None:
                progress(done / len(groups), f"{name}, {reason or f'{len(notes[name])} notes'}")
    finally:
        save()
    return len(instruments)


class _Known:
    """What the reference notes sound like that are in a bank already."""

    def __init__(self, folder: Path, instruments: Iterable[str], nearest_db: float) -> None:
        self._nearest_db = nearest_db
        self._names: list[str] = []
        self._summaries: list[FloatArray] = []
        kept = list(instruments) if nearest_db > 0.0 else []
        bank = NoteBank.open(folder) if kept else None
        for name in kept:
            if bank is not None:
                self._remember(name, summarise(bank.reference(name)))

    def reason_against(self, name: str, notes: Sequence[RecordedNote]) -> str | None:
        """Return why an instrument is left out, or remember its sound."""
        if not notes:
            return SILENT
        if self._nearest_db <= 0.0:
            return None
        summary = summarise(notes[0].audio)
        if self._summaries:
            away = distance(summary, np.stack(self._summaries))
            if away.min() < self._nearest_db:
                return f"{SAME_AS}{self._names[int(away.argmin())]}"
        self._remember(name, summary)
        return None

    def _remember(self, name: str, summary: FloatArray) -> None:
        self._names.append(name)
        self._summaries.append(summary)


def _write_sounds(
    folder: Path, group: list[DatasetInstrument], played: list[list[RecordedNote]]
) -> list[Row]:
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
                    "velocity": str(note.velocity),
                    "duration_s": f"{note.held_seconds or note.audio.size / SAMPLE_RATE:.4f}",
                    "fx": "on" if instrument.effects_on else "off",
                    "start": str(start),
                    "length": str(note.audio.size),
                    "gain_db": f"{note.gain_db:.2f}",
                }
            )
            sounds += [note.audio, np.zeros(_GAP_SAMPLES, np.float32)]
            start += note.audio.size + _GAP_SAMPLES
    path = folder / "notes" / f"{group[0].instrument_id}.opus"
    save_opus(path, np.concatenate(sounds), SAMPLE_RATE)
    return rows


def _instrument_row(
    dataset: NoteDataset, instrument: DatasetInstrument, rows: list[Row], licence: str
) -> Row:
    values = dict.fromkeys(INSTRUMENT_COLUMNS, "")
    values.update(name=instrument.instrument_id, bank=dataset.name, licence=licence)
    if instrument.about is not None:
        told = asdict(instrument.about)
        values.update({name: told[name] for name in INSTRUMENT_COLUMNS if told.get(name)})
    values.update(
        instrument_id=instrument.instrument_id,
        family=instrument.family or "",
        effects="on" if any(row["fx"] == "off" for row in rows) else "",
        split=instrument.split,
        n_notes=str(len(rows)),
        source=dataset.name,
    )
    return values


def _check_kept(
    folder: Path, kept: dict[str, Row], name: str, wanted: Sequence[DatasetInstrument]
) -> None:
    """Refuse to mix datasets, or splits of two seeds: training of one is the test of the other."""
    foreign = {row["source"] for row in kept.values()} - {name}
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


def _read_left_out(folder: Path) -> dict[str, str]:
    path = folder / LEFT_OUT_NAME
    rows = _read(path, LEFT_OUT_COLUMNS) if path.is_file() else []
    return {row["instrument_id"]: row["reason"] for row in rows}


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
