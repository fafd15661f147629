from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.datasets.note_bank_writer import SAME_AS, SILENT, write_note_bank
from cir.errors import DataError, EngineError, InputError
from cir.instruments.note_bank import NoteBank
from cir.instruments.splits import SPLITS
from cir.types import Instrument
from tests.tone_dataset import ToneDataset

FAMILIES = ("bass", "voice")


class Breaking(ToneDataset):
    """Fails at one instrument, and remembers what it was asked for."""

    def __init__(self, broken: str | None) -> None:
        super().__init__(families=FAMILIES)
        self.broken = broken
        self.asked: list[str] = []

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        self.asked.append(instrument.instrument_id)
        if instrument.instrument_id == self.broken:
            raise EngineError("It broke.")
        return super().notes(instrument)


class Partly(ToneDataset):
    """One instrument has no notes."""

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        return [] if instrument.instrument_id == "bass-0" else super().notes(instrument)


def rows(dataset: ToneDataset, splits: Sequence[str]) -> list[DatasetInstrument]:
    return [row for split in splits for row in dataset.instruments(split)]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    dataset = ToneDataset(families=FAMILIES)
    splits = ("train", "test")
    assert write_note_bank(dataset, tmp_path, splits=splits) == 6
    bank = NoteBank.open(tmp_path)
    assert [(row.instrument_id, row.family, row.split) for row in bank.instruments] == [
        (row.instrument_id, row.family, row.split)
        for row in rows(dataset, splits)
        if row.effects_on
    ]
    for row in rows(dataset, splits):
        wanted = dataset.notes(row)
        kept = bank.notes(row.instrument_id, effects_on=row.effects_on)
        assert [note.pitch for note in kept] == [note.pitch for note in wanted]
        assert [note.gain_db for note in kept] == pytest.approx(
            [w.gain_db for w in wanted], abs=0.01
        )
        sounds = bank.audio(row.instrument_id, effects_on=row.effects_on)
        for sound, note in zip(sounds, wanted, strict=True):
            assert sound.size == note.audio.size
            assert np.corrcoef(sound, note.audio)[0, 1] > 0.95  # Opus is no waveform coder
    assert np.array_equal(bank.reference("bass-0"), bank.audio("bass-0")[0])


def test_an_interrupted_bank_is_continued(tmp_path: Path) -> None:
    first = Breaking("voice-0")
    with pytest.raises(EngineError, match="It broke"):
        write_note_bank(first, tmp_path, n_threads=1)
    assert [row.instrument_id for row in NoteBank.open(tmp_path).instruments] == [
        "bass-0",
        "bass-1",
    ]
    second = Breaking(None)
    seen: list[float] = []
    assert write_note_bank(second, tmp_path, progress=lambda share, _: seen.append(share)) == 4
    assert set(second.asked) == {"voice-0", "voice-1"}
    assert seen == pytest.approx([3 / 4, 1.0])


def test_a_bank_without_its_sounds_is_made_again(tmp_path: Path) -> None:
    dataset = Breaking(None)
    write_note_bank(dataset, tmp_path)
    (tmp_path / "notes" / "bass-1.opus").unlink()
    dataset.asked.clear()
    write_note_bank(dataset, tmp_path)
    assert dataset.asked == ["bass-1", "bass-1"]  # itself and its twin


def test_instruments_without_notes_are_left_out(tmp_path: Path) -> None:
    assert write_note_bank(Partly(families=FAMILIES), tmp_path) == 3
    assert "bass-0" not in {row.instrument_id for row in NoteBank.open(tmp_path).instruments}
    assert (tmp_path / "left_out.csv").read_text().splitlines()[1:] == [f"bass-0,{SILENT}"]


class Copied(Breaking):
    """The second voice of the training split sounds like the first, and so does that of `valid`."""

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        name = instrument.instrument_id
        found = super().notes(instrument)
        if name in ("voice-1", "voice-2"):
            found = super().notes(replace(instrument, instrument_id="voice-0"))
        return found


def test_near_duplicates_are_left_out_of_later_splits_and_stay_out(tmp_path: Path) -> None:
    dataset = Copied(None)

    def write() -> int:
        return write_note_bank(dataset, tmp_path, splits=SPLITS, nearest_db=1e-3)

    assert write() == 6
    left_out = (tmp_path / "left_out.csv").read_text().splitlines()[1:]
    assert left_out == [f"voice-1,{SAME_AS}voice-0", f"voice-2,{SAME_AS}voice-0"]
    dataset.asked.clear()
    (tmp_path / "notes" / "bass-3.opus").unlink()
    assert write() == 6
    assert dataset.asked == ["bass-3"]


@pytest.mark.slow
def test_a_draw_of_instruments_depends_on_the_seed(tmp_path: Path) -> None:
    drawn = []
    for number, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(number)
        assert write_note_bank(ToneDataset(), folder, most=5, seed=seed) == 5
        drawn.append([row.instrument_id for row in NoteBank.open(folder).instruments])
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_is_known_of_an_instrument_and_its_notes_is_kept(tmp_path: Path) -> None:
    about = Instrument(
        "bass-0", "Wub", "bass", "Growls", "One", "Ann", "CC0-1.0", "vital", "vital:w"
    )

    class Known(ToneDataset):
        def instruments(self, split: str) -> list[DatasetInstrument]:
            rows = super().instruments(split)
            return [replace(r, about=about if r.instrument_id == "bass-0" else None) for r in rows]

        def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
            return [replace(n, velocity=64, held_seconds=0.5) for n in super().notes(instrument)]

    write_note_bank(Known(families=FAMILIES), tmp_path, licence="GPL-3.0")
    bank = NoteBank.open(tmp_path)
    first, second = bank.instruments[:2]
    assert (first.name, first.category, first.bank) == ("Wub", "Growls", "One")
    assert (first.author, first.licence, second.licence) == ("Ann", "CC0-1.0", "GPL-3.0")
    assert {(n.velocity, n.duration_seconds) for n in bank.notes("bass-0")} == {(64, 0.5)}


@pytest.mark.slow
def test_threads_change_nothing(tmp_path: Path) -> None:
    for count in (1, 3):
        write_note_bank(ToneDataset(families=FAMILIES), tmp_path / str(count), n_threads=count)
    for table in ("instruments.csv", "notes.csv"):
        assert (tmp_path / "1" / table).read_text() == (tmp_path / "3" / table).read_text()


def test_a_twin_without_its_original_is_left_out(tmp_path: Path) -> None:
    class Dry(ToneDataset):
        def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
            return [] if instrument.effects_on else super().notes(instrument)

    assert write_note_bank(Dry(families=FAMILIES), tmp_path) == 0


def test_another_dataset_and_other_splits_are_refused(tmp_path: Path) -> None:
    class Moved(ToneDataset):
        def instruments(self, split: str) -> list[DatasetInstrument]:
            rows = super().instruments({"test": "train", "train": "test"}[split])
            return [replace(row, split=split) for row in rows]

    write_note_bank(ToneDataset(families=FAMILIES), tmp_path)
    with pytest.raises(InputError, match="holds the notes of tones, not of others"):
        write_note_bank(ToneDataset("others"), tmp_path)
    with pytest.raises(InputError, match="bass-0 was in train and is now in test"):
        write_note_bank(Moved(families=FAMILIES), tmp_path, splits=("test",))
    assert write_note_bank(ToneDataset(families=FAMILIES), tmp_path, splits=("valid",)) == 6


def test_folders_that_are_no_such_bank_are_refused_untouched(tmp_path: Path) -> None:
    table = tmp_path / "instruments.csv"
    table.write_text("instrument_id,split\nbass-0,train\n", encoding="utf-8")
    with pytest.raises(DataError, match="lacks the column"):
        write_note_bank(ToneDataset(families=FAMILIES), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [table.name]
    with pytest.raises(InputError, match="is a file"):
        write_note_bank(ToneDataset(families=FAMILIES), table)
