"""Render DX7 patches into a note bank: FM sounds to train on, in the format of the other banks.

python benchmarks/dx7_notes.py [--patches 4000] [--notes 6] [--seed 0] OUT

Dexed plays a seeded draw of the patches; damaged and silent ones are left out. All instruments are
in the train split: many patches are near-duplicates, so parts of them could not test each other.

The patches were collected from the public without a stated licence. They, and the sounds made of
them, are for training and trials only: never ship them, in the repository or in the product.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cir.audio.io import save_opus
from cir.datasets.base import DatasetInstrument, RecordedNote, generator_for
from cir.datasets.midi_statistics import NoteStatistics, load_statistics
from cir.datasets.note_bank_writer import INSTRUMENT_COLUMNS, Row
from cir.datasets.recorded import record
from cir.datasets.rendered import plan_notes, render_note
from cir.engines.dx7 import PACKED_BYTES, UNMADE, Dx7Engine, import_dexed, voice_name
from cir.errors import DataError, EngineError, InputError
from cir.files import expand_data_folder, replacing_folder
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import family_of_preset
from cir.instruments.note_bank import NOTE_COLUMNS
from cir.types import SAMPLE_RATE, Note

SPLIT = "train"
LARGEST_BYTE = 127
"""Patches are sent as MIDI data, seven bits a byte: a larger one is damage."""

GAP_SAMPLES = SAMPLE_RATE * 20 // 1000
PROGRESS_SECONDS = 5.0

Played = list[tuple[Note, RecordedNote]]


def main() -> None:
    """Draw and render patches, write the bank, and print its size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", metavar="OUT", type=Path, help="a new folder")
    parser.add_argument("--patches", type=int, default=4000, help="instruments to write")
    parser.add_argument("--notes", type=int, default=6, help="of each at most, reference included")
    parser.add_argument("--seed", type=int, default=0, help="of the patches and their notes")
    parser.add_argument("--source", type=Path, default=Path("$CIR_DATA/dx7/patches.bin"))
    arguments = parser.parse_args()
    if min(arguments.patches, arguments.notes) < 1:
        parser.error("--patches and --notes are at least 1")
    if arguments.output.exists():
        parser.error(f"{arguments.output} exists; name a new folder")
    try:
        import_dexed()
        patches = read_patches(expand_data_folder(arguments.source))
    except (DataError, EngineError, InputError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    started = time.monotonic()
    with replacing_folder(arguments.output) as folder:
        instruments, notes = write_sounds(
            folder, patches, arguments.patches, arguments.notes, arguments.seed
        )
        write_table(folder / "instruments.csv", INSTRUMENT_COLUMNS, instruments)
        write_table(folder / "notes.csv", NOTE_COLUMNS, notes)
    families = Counter(row["family"] or "none" for row in instruments)
    print(f"{arguments.output}: {len(instruments)} instruments, {len(notes)} notes")
    print(", ".join(f"{family} {count}" for family, count in families.most_common()))
    print(f"{time.monotonic() - started:.0f} s")


def read_patches(path: Path) -> NDArray[np.uint8]:
    """Read packed patches, (N, 128).

    Raises:
        InputError: The file cannot be read.
        DataError: The file does not hold a whole number of patches.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    if data.size == 0 or data.size % PACKED_BYTES:
        raise DataError(f"{path} has {data.size} bytes, not one or more patches of {PACKED_BYTES}.")
    return data.reshape(-1, PACKED_BYTES)


def write_sounds(
    folder: Path, patches: NDArray[np.uint8], count: int, n_notes: int, seed: int
) -> tuple[list[Row], list[Row]]:
    """Render patches in a random order until `count` of them sound, or there are no more.

    Returns:
        The rows of the two tables: instruments and notes.
    """
    statistics = load_statistics()
    instruments: list[Row] = []
    notes: list[Row] = []
    last_report = time.monotonic()
    for number in draw_patches(patches, seed):
        patch = patches[number].tobytes()
        name = voice_name(patch)
        family = None if name == UNMADE else family_of_preset(name)
        instrument = DatasetInstrument(make_instrument_id("dx7", f"{number:05}"), family, SPLIT)
        player = Dx7Engine.from_packed(patch, name)
        played = play_notes(player, instrument, statistics, n_notes, seed)
        if not played:
            continue
        save_notes(folder, instrument.instrument_id, played)
        instruments.append(instrument_row(instrument, name, len(played)))
        notes += note_rows(instrument.instrument_id, played)
        if time.monotonic() - last_report > PROGRESS_SECONDS:
            last_report = time.monotonic()
            print(f"{len(instruments)} of {count} patches", file=sys.stderr, flush=True)
        if len(instruments) == count:
            break
    return instruments, notes


def draw_patches(patches: NDArray[np.uint8], seed: int) -> Iterator[int]:
    """Return numbers of undamaged patches in a random order that does not depend on the count."""
    whole = np.flatnonzero((patches <= LARGEST_BYTE).all(axis=1))
    for number in np.random.default_rng(seed).permutation(whole):
        yield int(number)


def play_notes(
    player: Dx7Engine,
    instrument: DatasetInstrument,
    statistics: Mapping[str | None, NoteStatistics],
    n_notes: int,
    seed: int,
) -> Played:
    """Render the reference note, then others at different pitches; none if it is silent."""
    generator = generator_for(seed, instrument)
    found: Played = []
    for note in plan_notes(instrument.family, None, statistics[instrument.family], generator):
        recorded = record(note.pitch, render_note(player, note))
        if recorded is not None:
            found.append((note, recorded))
        if not found or len(found) == n_notes:
            break
    return found


def save_notes(folder: Path, instrument_id: str, played: Played) -> None:
    """Write an instrument's notes one after another, a gap after each."""
    gap = np.zeros(GAP_SAMPLES, np.float32)
    sounds = [part for _, recorded in played for part in (recorded.audio, gap)]
    save_opus(folder / "notes" / f"{instrument_id}.opus", np.concatenate(sounds), SAMPLE_RATE)


def instrument_row(instrument: DatasetInstrument, name: str, n_notes: int) -> Row:
    """Return the instrument's row of `instruments.csv`."""
    values = dict.fromkeys(INSTRUMENT_COLUMNS, "")
    values.update(
        instrument_id=instrument.instrument_id,
        name=name or instrument.instrument_id,
        family=instrument.family or "",
        bank="dx7",
        polyphony="Poly",
        split=instrument.split,
        n_notes=str(n_notes),
    )
    return values


def note_rows(instrument_id: str, played: Played) -> Iterator[Row]:
    """Return the instrument's rows of `notes.csv`."""
    start = 0
    for index, (note, recorded) in enumerate(played):
        yield {
            "instrument_id": instrument_id,
            "index": str(index),
            "pitch": str(note.pitch),
            "velocity": str(note.velocity),
            "duration_s": f"{note.duration_seconds:.4f}",
            "fx": "on",
            "start": str(start),
            "length": str(recorded.audio.size),
            "gain_db": f"{recorded.gain_db:.2f}",
        }
        start += recorded.audio.size + GAP_SAMPLES


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
