"""Pools of notes: any datasets, any order of threads, in memory or on disk."""

from pathlib import Path

import numpy as np
import pytest

from cir.audio.dsp import pad_or_trim
from cir.datasets.base import DatasetInstrument, RecordedNote
from cir.errors import DataError, InputError
from cir.mixtures.pool import NotePool
from cir.mixtures.pool_notes import decode_datasets
from cir.mixtures.pool_tables import NEVER
from tests.tone_dataset import NOTES, ToneDataset


@pytest.fixture(scope="module")
def pool() -> NotePool:
    return NotePool.from_datasets([ToneDataset()], split="train", twins=True)


def test_notes_come_back_as_the_dataset_gave_them(pool: NotePool) -> None:
    dataset = ToneDataset()
    originals = dataset.instruments("train")
    assert len(pool.instruments) == len(originals)
    for given, kept in zip(originals, pool.instruments, strict=True):
        assert (given.instrument_id, given.family) == (kept.instrument_id, kept.family)
        assert kept.effects_on == given.effects_on and kept.source == "tones"
        for note, row in zip(dataset.notes(given), kept.rows, strict=True):
            assert pool.pitches[row] == note.pitch
            level = 10 ** (-note.gain_db / 20)
            np.testing.assert_allclose(pool.note(row), note.audio * level, atol=1e-4)
            np.testing.assert_array_equal(pool.note(row, 100), pool.note(row)[:100])


def test_clips_are_padded_or_cut_notes(pool: NotePool) -> None:
    rows = [5, 0, 7, 5]
    for n_samples in (100, 10_000):
        expected = [pad_or_trim(pool.stored_note(row), n_samples) for row in rows]
        np.testing.assert_array_equal(pool.clips(rows, n_samples), expected)


@pytest.mark.slow
def test_a_pool_built_on_disk_is_the_one_built_in_memory(tmp_path: Path) -> None:
    datasets = [ToneDataset("one", ("bass", "organ")), ToneDataset("two", ("piano",))]
    settings = {"split": "train", "twins": True, "variants": 1}
    inside = NotePool.from_datasets(datasets, **settings)  # type: ignore[arg-type]
    decoded = decode_datasets(datasets, **settings)  # type: ignore[arg-type]
    built = NotePool.build(tmp_path / "pool", decoded)
    for name in ("samples", "onsets", "gains", "pitches", "starts", "families"):
        np.testing.assert_array_equal(getattr(built, name), getattr(inside, name))
    assert [i.source for i in built.instruments] == [i.source for i in inside.instruments]
    assert [i.variant for i in built.instruments[:3]] == [0, 1, 0]
    for mine, theirs in zip(built.instruments, inside.instruments, strict=True):
        np.testing.assert_array_equal(mine.rows, theirs.rows)
    assert {path.name for path in tmp_path.iterdir()} == {"pool"}


def test_an_id_of_two_datasets_gets_its_source_in_front() -> None:
    datasets = [ToneDataset("a", ("bass", "organ")), ToneDataset("a", ("bass",))]
    pool = NotePool.from_datasets(datasets, split="test")
    assert [(i.instrument_id, i.source) for i in pool.instruments] == [
        ("a-bass-3", "a"),
        ("organ-3", "a"),
        ("a-2-bass-3", "a-2"),
    ]


def test_families_and_twins_are_chosen(pool: NotePool) -> None:
    some = NotePool.from_datasets([ToneDataset()], split="train", families=("bass", "organ"))
    assert some.families == ("bass", "organ")
    assert all(instrument.is_original for instrument in some.instruments)
    assert len(pool.of_family("bass")) == 4 and len(some.of_family("bass")) == 2


class SlowStart(ToneDataset):
    """One with a late onset, one silent, one without notes."""

    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        tone = super().notes(instrument)[0].audio
        if instrument.family == "bass":
            return [RecordedNote(40, np.concatenate([np.zeros(500, np.float32), tone]), 0.0)]
        return [RecordedNote(40, tone * 0, 0.0)] if instrument.family == "organ" else []


def test_a_pool_knows_when_its_notes_are_heard() -> None:
    pool = NotePool.from_datasets([SlowStart("s", ("bass", "organ", "reed"))], split="test")
    assert [i.family for i in pool.instruments] == ["bass", "organ"]
    late, silent = pool.onsets
    assert 500 < late < 510
    assert silent == NEVER


def test_pitches_weigh_as_much_as_they_occur_in_the_family() -> None:
    class Uneven(ToneDataset):
        def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
            return super().notes(instrument)[: 2 if instrument.instrument_id == "bass-1" else None]

    pool = NotePool.from_datasets([Uneven("u", ("bass", "organ"))], split="train")
    np.testing.assert_array_equal(pool.pitch_weights(0), [2, 2, *[1] * (NOTES - 2)])
    np.testing.assert_array_equal(pool.pitch_weights(1), [2, 2])
    np.testing.assert_array_equal(pool.pitch_weights(2), [2] * NOTES)


class Broken(ToneDataset):
    def notes(self, instrument: DatasetInstrument) -> list[RecordedNote]:
        raise DataError("bass-3.wav is damaged.")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    tones = ToneDataset("t", ("bass",))
    with pytest.raises(InputError, match="split"):
        NotePool.from_datasets([tones], split="holdout")
    with pytest.raises(DataError, match="organ"):
        NotePool.from_datasets([tones], split="test", families=("organ",))
    with pytest.raises(DataError, match="note"):
        NotePool.from_datasets([SlowStart("s", ("reed",))], split="test")
    with pytest.raises(DataError, match="damaged"):
        damaged = decode_datasets([tones, Broken("b", ("bass",))], split="test")
        NotePool.build(tmp_path / "pool", damaged)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="built again"):
        NotePool.load(tmp_path / "pool")
    NotePool.build(tmp_path / "pool", decode_datasets([tones], split="test"))
    (tmp_path / "pool" / "samples.bin").write_bytes(b"short")
    with pytest.raises(DataError, match=r"Cannot read .*samples\.bin"):
        NotePool.load(tmp_path / "pool")
    np.savez(tmp_path / "pool" / "tables.npz", starts=np.arange(3))
    with pytest.raises(DataError, match="built again"):
        NotePool.load(tmp_path / "pool")


def test_progress_reaches_everybody() -> None:
    told: list[float] = []
    NotePool.from_datasets(
        [ToneDataset()], split="train", twins=True, progress=lambda done, words: told.append(done)
    )
    assert told == sorted(told) and told[0] == 0 and len(told) == 3
