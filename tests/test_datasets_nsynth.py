from pathlib import Path

import numpy as np
import pytest

from cir.datasets.base import RecordedNote
from cir.datasets.nsynth import NSynthDataset
from cir.errors import DataError, InputError
from cir.instruments.splits import SPLITS
from tests.dataset_cases import NSYNTH_INSTRUMENTS, write_nsynth
from tests.engine_cases import dominant_pitch
from tests.systems import needs_posix


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nsynth(tmp_path_factory.mktemp("nsynth") / "nsynth-test")


def notes_of(dataset: NSynthDataset, instrument_id: str) -> list[RecordedNote]:
    rows = [row for split in SPLITS for row in dataset.instruments(split)]
    return dataset.notes(next(row for row in rows if row.instrument_id == instrument_id))


def test_instruments_are_divided_by_family_without_the_excluded_ones(folder: Path) -> None:
    dataset = NSynthDataset(folder)
    rows = [row for split in SPLITS for row in dataset.instruments(split)]
    ids = {row.instrument_id for row in rows}
    assert len(ids) == len(rows) == len(NSYNTH_INSTRUMENTS) - 2
    assert not ids & {"bass-synthetic-000", "bass-synthetic-002"}
    assert {row.family for row in rows} == {"bass", "pipe"}
    assert [len(dataset.instruments(split)) for split in SPLITS] == [8 + 3, 1, 1]


def test_the_reference_note_is_the_median_pitch_at_velocity_100(folder: Path) -> None:
    reference, *others = notes_of(NSynthDataset(folder), "bass-synthetic-001")
    # Of 40, 47, 50 and 61, the pitches of a bass that are kept, the median is 48.5.
    assert reference.pitch == 47
    assert dominant_pitch(reference.audio, 16_000) == 47
    # The loudest sample of the file is 100 / 254.
    assert reference.gain_db == pytest.approx(20 * np.log10(0.9 * 254 / 100), abs=0.05)
    assert {note.pitch for note in others} == {40, 47, 50, 61}
    assert len(others) == 7


def test_few_notes_are_different_ones_that_the_family_plays(folder: Path) -> None:
    notes = notes_of(NSynthDataset(folder, n_notes=3), "bass-synthetic-001")
    assert len(notes) == 3
    assert len({(note.pitch, note.gain_db) for note in notes}) == 3


@needs_posix
def test_a_folder_of_splits_is_one_dataset(folder: Path, tmp_path: Path) -> None:
    write_nsynth(tmp_path / "nsynth-valid", {"organ_electronic_001": "organ"})
    (tmp_path / "nsynth-test").symlink_to(folder)
    rows = [r for split in SPLITS for r in NSynthDataset(tmp_path).instruments(split)]
    assert {row.family for row in rows} == {"bass", "pipe", "organ"}


def test_what_is_no_nsynth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has an examples\.json of NSynth"):
        NSynthDataset(tmp_path)
    for content in ("[]", "{", '{"a": {"instrument_family_str": "kazoo"}}', '{"a": 3}'):
        (tmp_path / "examples.json").write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match="not a table of NSynth's notes"):
            NSynthDataset(tmp_path)


def test_missing_and_strange_sounds_are_refused(tmp_path: Path) -> None:
    folder = write_nsynth(tmp_path / "nsynth-test", {"organ_electronic_001": "organ"})
    dataset = NSynthDataset(folder)
    for file in folder.glob("audio/*.wav"):
        file.write_bytes(b"RIFF")
    with pytest.raises(DataError, match="Cannot read NSynth's"):
        notes_of(dataset, "organ-electronic-001")
