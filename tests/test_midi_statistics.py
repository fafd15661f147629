import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cir.cli.main import main
from cir.datasets.midi_statistics import (
    DURATION_EDGES_SECONDS,
    MidiStatistics,
    NoteStatistics,
    estimate_statistics,
    load_statistics,
)
from cir.errors import DataError
from cir.instruments.families import FAMILIES, REFERENCE_PITCHES
from cir.types import Note
from tests.test_midi_files import off, on, program, write_midi


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A bass that plays 40 three times and 43 once, a flute with one long note, a broken file."""
    bass = [program(33)]
    for pitch in (40, 43, 40, 40):
        bass += [on(pitch, velocity=70), off(pitch, 50)]  # 0.25 s
    write_midi(tmp_path / "songs" / "a.mid", [bass])
    write_midi(tmp_path / "songs" / "deep" / "b.mid", [[program(73), on(80), off(80, 400)]])
    (tmp_path / "songs" / "c.mid").write_bytes(b"broken")
    return tmp_path / "songs"


def test_notes_are_counted_by_family(songs: Path) -> None:
    statistics = estimate_statistics(songs)
    assert list(statistics.families) == ["bass", "pipe"]
    assert (statistics.n_files, statistics.n_skipped) == (2, 1)
    bass = statistics.families["bass"]
    assert {p: int(bass.pitches[p]) for p in np.flatnonzero(bass.pitches)} == {40: 3, 43: 1}
    assert bass.velocities[70] == bass.n_notes == 4
    (held,) = np.flatnonzero(bass.durations)
    assert DURATION_EDGES_SECONDS[held] <= 0.25 + 1e-9
    assert DURATION_EDGES_SECONDS[held + 1] > 0.25


def test_what_is_saved_is_loaded(songs: Path, tmp_path: Path) -> None:
    statistics = estimate_statistics(songs)
    statistics.save(tmp_path / "stats.json")
    loaded = MidiStatistics.load(tmp_path / "stats.json")
    for family, counts in statistics.families.items():
        for name in ("pitches", "velocities", "durations"):
            assert np.array_equal(getattr(loaded.families[family], name), getattr(counts, name))


def test_families_with_few_notes_fall_back_on_all_together() -> None:
    bass = NoteStatistics.of_notes([Note(40)] * 150)
    pipe = NoteStatistics.of_notes([Note(80)] * 50)
    by_family = MidiStatistics({"bass": bass, "pipe": pipe}, 1, 0).by_family()
    assert set(by_family) == {None, *FAMILIES}
    assert by_family["bass"].pitches[80] == 0
    for family in ("pipe", "voice", None):
        assert (by_family[family].pitches[40], by_family[family].pitches[80]) == (150, 50)


def test_drawn_notes_have_the_distribution_counted() -> None:
    notes = [Note(40, 70, 0.0, 0.1)] * 30 + [Note(50, 90, 0.0, 1.0)] * 10
    statistics = NoteStatistics.of_notes(notes)
    generator = np.random.default_rng(0)
    drawn = [statistics.draw_note(generator) for _ in range(4_000)]
    pairs = Counter((note.pitch, note.velocity) for note in drawn)
    # Pitch and velocity are independent, so combinations occur that were never played.
    expected = {(40, 70): 9 / 16, (40, 90): 3 / 16, (50, 70): 3 / 16, (50, 90): 1 / 16}
    assert set(pairs) == set(expected)
    for pair, share in expected.items():
        assert pairs[pair] / 4_000 == pytest.approx(share, abs=0.03)
    short = [note.duration_seconds for note in drawn if note.duration_seconds < 0.5]
    assert len(short) / 4_000 == pytest.approx(0.75, abs=0.03)
    width = DURATION_EDGES_SECONDS[1] / DURATION_EDGES_SECONDS[0]
    assert 0.1 / width < min(short) < max(short) < 0.1 * width


def test_the_same_generator_draws_the_same_notes() -> None:
    statistics = load_statistics()["bass"]
    first, second = (
        [statistics.draw_note(generator) for _ in range(10)]
        for generator in (np.random.default_rng(3), np.random.default_rng(3))
    )
    assert first == second


def test_drawn_pitches_are_different_and_at_most_those_that_occur() -> None:
    statistics = NoteStatistics.of_notes([Note(40)] * 90 + [Note(50)] * 9 + [Note(60)])
    generator = np.random.default_rng(0)
    assert sorted(statistics.draw_pitches(10, generator)) == [40, 50, 60]
    firsts = Counter(statistics.draw_pitches(1, generator)[0] for _ in range(500))
    assert firsts[40] > 400


def test_durations_beyond_the_histogram_count_as_the_outermost() -> None:
    statistics = NoteStatistics.of_notes([Note(40, 90, 0.0, 0.001), Note(40, 90, 0.0, 99.0)])
    assert statistics.durations[0] == statistics.durations[-1] == 1


def test_the_shipped_statistics_know_every_family() -> None:
    by_family = load_statistics()
    assert set(by_family) == {None, *FAMILIES}
    for family, pitch in REFERENCE_PITCHES.items():
        counts = by_family[family]
        assert counts.n_notes >= 100
        median = int(np.searchsorted(np.cumsum(counts.pitches), counts.n_notes / 2))
        assert abs(median - pitch) <= 8, family
        assert counts.velocities[0] == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"families": {}, "n_files": 1, "n_skipped": 0}',
        '{"families": {"kazoo": 1}}',
        '{"families": {"bass": {"pitches": [1], "velocities": [1], "durations": [1]}}}',
        json.dumps(
            {
                "families": {
                    "bass": {"pitches": [0] * 128, "velocities": [1] * 128, "durations": [1] * 60}
                }
            }
        ),
    ],
)
def test_files_that_hold_something_else_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="no note statistics"):
        load_statistics(tmp_path / "a.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load_statistics(tmp_path / "none.json")


def run(*arguments: object) -> int:
    sys.argv = ["cir", "midi-stats", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_command_writes_what_it_counts(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(songs, "-o", tmp_path / "out" / "stats.json") == 0
    said = capsys.readouterr().out
    assert "from 2 files, 1 skipped as broken" in said
    assert "bass                  4 notes" in said
    assert MidiStatistics.load(tmp_path / "out" / "stats.json").families["pipe"].n_notes == 1


@pytest.mark.parametrize("name", ["none", "empty", "drums", "stats.txt"])
def test_bad_input_ends_the_command_with_code_2_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "empty").mkdir()
    write_midi(tmp_path / "drums" / "a.mid", [[on(40, channel=9), off(40, 9, channel=9)]])
    output = tmp_path / (name if name.endswith(".txt") else "stats.json")
    assert run(tmp_path / name.removesuffix(".txt"), "-o", output) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("cir: ")
    assert not output.exists()
