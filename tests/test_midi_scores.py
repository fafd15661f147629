from pathlib import Path

import numpy as np
import pytest

from cir.datasets import midi_scores
from cir.datasets.midi_scores import EXCERPT_SECONDS, ScoreBook
from cir.engines.registry import open_engine
from cir.errors import DataError
from cir.types import Note
from tests.engine_cases import HAS_TINYSOUNDFONT
from tests.test_midi_files import off, on, program, write_midi


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A bass that plays a note per second for 25 s, then holds one; a flute with two notes."""
    bass = [program(33)]
    for number in range(25):
        bass += [on(40 + number), off(40 + number, 200)]
    bass += [on(30), off(30, 5_000)]
    flute = [program(73, channel=1)]
    for _ in range(2):
        flute += [on(80, channel=1), off(80, 50, channel=1)]
    write_midi(tmp_path / "songs" / "a.mid", [bass, flute])
    return tmp_path / "songs"


def test_songs_are_cut_into_ten_seconds(songs: Path) -> None:
    book = ScoreBook.from_midi(songs)
    assert book.families == ("bass",)  # the flute plays too little
    first, second, third = book.excerpts["bass"]
    assert [note.pitch for note in first] == list(range(40, 50))
    assert second[0] == Note(50, 90, 0.0, 1.0)
    assert len(third) == 6
    assert third[-1] == Note(30, 90, 5.0, 5.0)  # cut with the excerpt


def test_every_note_lies_within_its_excerpt(songs: Path) -> None:
    for excerpt in ScoreBook.from_midi(songs).excerpts["bass"]:
        for note in excerpt:
            assert 0.0 <= note.start_seconds < EXCERPT_SECONDS
            assert 0.0 < note.duration_seconds <= EXCERPT_SECONDS - note.start_seconds + 1e-9


def test_what_is_saved_is_loaded(songs: Path, tmp_path: Path) -> None:
    book = ScoreBook.open(songs)
    book.save(tmp_path / "scores.json")
    assert ScoreBook.open(tmp_path / "scores.json") == book


def test_excerpts_are_drawn_alike_by_the_same_generator(songs: Path) -> None:
    book = ScoreBook.from_midi(songs)
    drawn = [book.excerpt("bass", np.random.default_rng(seed)) for seed in range(30)]
    assert drawn == [book.excerpt("bass", np.random.default_rng(seed)) for seed in range(30)]
    assert set(drawn) == set(book.excerpts["bass"])


def test_a_large_collection_is_sampled_fairly(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ScoreBook.from_midi(songs).excerpts["bass"]
    monkeypatch.setattr(midi_scores, "MOST_PER_FAMILY", 1)
    kept = [ScoreBook.from_midi(songs, seed=seed).excerpts["bass"] for seed in range(20)]
    assert all(len(choice) == 1 for choice in kept)
    assert {choice[0] for choice in kept} == set(whole)


def test_families_that_never_play_are_refused(songs: Path) -> None:
    with pytest.raises(DataError, match="No score for the family 'voice'; there are some for bass"):
        ScoreBook.from_midi(songs).excerpt("voice", np.random.default_rng(0))


def test_songs_with_too_few_notes_are_refused(tmp_path: Path) -> None:
    write_midi(tmp_path / "a.mid", [[on(60), off(60, 10)]])
    with pytest.raises(DataError, match="no 10 seconds with 4 notes"):
        ScoreBook.from_midi(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '{"bass": []}',
        '{"bass": [[]]}',
        '{"bass": [[1, 2]]}',
        '{"bass": [[200, 90, 0, 500, 60, 90, 0, 500, 60, 90, 0, 500, 60, 90, 0, 500]]}',
        '{"bass": [[1000000000000000000000000, 90, 0, 500]]}',
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="holds no scores"):
        ScoreBook.load(tmp_path / "a.json")


@pytest.mark.skipif(not HAS_TINYSOUNDFONT, reason="needs tinysoundfont")
def test_engines_play_excerpts(songs: Path) -> None:
    excerpt = ScoreBook.from_midi(songs).excerpts["bass"][0]
    audio = open_engine("soundfont:TimGM6mb.sf2#0/33").render(excerpt, EXCERPT_SECONDS, 16_000)
    assert audio.shape == (160_000,)
    seconds = np.abs(audio).reshape(10, -1).max(1)
    assert (seconds > 0.01).all()
