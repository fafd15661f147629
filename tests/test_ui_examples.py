import json
from pathlib import Path

import pytest
import soundfile

from cir.errors import DataError
from cir.instruments.note_bank import NoteBank
from cir.ui.search.examples import (
    EXAMPLES_FILE,
    Example,
    ExamplePart,
    credits_note,
    examples_folder,
    load_examples,
)
from tests.shared_data import SHARED, SURGE, needs_shared
from tools.examples import DRAWN, SONGS, make_examples

SONGS_FOLDER = SHARED / "midi" / "freedoom"


def test_the_bundled_examples_are_short_and_small() -> None:
    parts = (ExamplePart("bass", "a"), ExamplePart("strings", "b"), ExamplePart("bass", "c"))
    example = Example("A", Path("a.flac"), parts)  # of a family that plays twice
    assert (example.families, example.instrument_ids) == (("bass", "strings"), ("a", "b", "c"))
    examples = load_examples()
    assert len(examples) >= 8
    for example in examples:
        info = soundfile.info(example.path)
        assert 10 <= info.duration <= 30 and info.channels == 1
        assert example.path.stat().st_size < 500_000
        assert len(example.instruments) >= 2
        assert len(set(example.instrument_ids)) == len(example.instruments)
        assert not any(name in example.title for name in example.instrument_ids)


def test_songs_credit_their_authors_in_words_and_no_markup() -> None:
    songs = load_examples()[len(DRAWN) :]
    assert len(songs) == len(SONGS) >= 3
    for example, song in zip(songs, SONGS, strict=True):
        assert song.title in example.title
        assert song.author in example.credit and "BSD 3-clause" in example.credit
    assert "Redistribution" in (examples_folder() / "COPYING.freedoom").read_text("utf-8")
    note = credits_note(load_examples())
    assert all(song.author.split(",")[0] in note for song in SONGS)
    assert credits_note(load_examples()[: len(DRAWN)]) == ""
    assert "<img" not in credits_note([Example("A", Path("a.flac"), (), "<img src=x>")])


@pytest.mark.slow
@needs_shared
@pytest.mark.skipif(not SONGS_FOLDER.exists(), reason=f"needs the songs {SONGS_FOLDER}")
def test_the_bundled_examples_can_be_made_again(tmp_path: Path) -> None:
    pytest.importorskip("tinysoundfont", reason="tinysoundfont is not installed")
    bank = NoteBank.open(SURGE)
    paths = make_examples(bank, SONGS_FOLDER, tmp_path)
    for path in paths:
        made, _ = soundfile.read(path, dtype="int16")
        bundled, _ = soundfile.read(examples_folder() / path.name, dtype="int16")
        # Not to the byte: another build of Opus or FLAC may round differently.
        assert abs(made.astype(int) - bundled).max() <= 4
    index = json.loads((tmp_path / EXAMPLES_FILE).read_text())
    assert index == json.loads((examples_folder() / EXAMPLES_FILE).read_text())
    splits = {row.instrument_id: row.split for row in bank.instruments}
    names = [part["instrument_id"] for row in index["examples"] for part in row["instruments"]]
    assert {splits.get(name, "General MIDI") for name in names} == {"test", "General MIDI"}
    assert all(name in splits or name.startswith("timgm6mb-") for name in names)


def test_a_damaged_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="install"):
        load_examples(tmp_path)
    lost = '{"examples": [{"title": "A", "file": "gone.flac", "instruments": []}]}'
    for text in ("", "[]", '{"examples": 3}', '{"examples": [{"title": "A"}]}', lost):
        (tmp_path / EXAMPLES_FILE).write_text(text)
        with pytest.raises(DataError, match="gone.flac" if text == lost else EXAMPLES_FILE):
            load_examples(tmp_path)
