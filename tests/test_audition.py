"""One instrument of a mix alone, its notes, and another instrument that plays them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import load_audio, save_opus
from cir.audio.loudness import integrated_loudness
from cir.engines.one_note import OneNoteEngine
from cir.retrieval.audition import find_passage, isolate, loudest_part
from cir.retrieval.melody import find_notes, find_pitch, find_strokes
from cir.retrieval.same_notes import BY_ENGINE, BY_NOTE, BY_ONE_NOTE, play_notes
from cir.retrieval.windows import WindowEmbeddings
from cir.types import SAMPLE_RATE, FloatArray, Match, Note
from tests.fakes import ListeningEncoder, instrument, tone

LISTENER = ListeningEncoder()
LINE = (40, 43, 47, 40, 52)
STEP_SECONDS = 0.5


def _hz(pitch: float) -> float:
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def _line(pitches: tuple[int, ...] = LINE) -> FloatArray:
    notes = [np.pad(tone(_hz(pitch), 0.4), (0, round(0.1 * SAMPLE_RATE))) for pitch in pitches]
    return np.concatenate(notes)


def test_shares_of_one_change_nothing_and_a_band_lets_only_itself_through() -> None:
    mix = (tone(80.0, 3.0, 44_100) + tone(900.0, 3.0, 44_100)).astype(np.float32)
    bands = len(LISTENER.mask_centres_hz)
    whole = isolate(mix, 44_100, np.ones((150, bands), np.float32), LISTENER)
    np.testing.assert_allclose(whole, mix, atol=1e-4)
    (shares,) = LISTENER.family_masks(mix, 44_100, ["percussion"])
    high = isolate(mix, 44_100, shares, LISTENER)
    assert len(high) == len(mix)
    power = np.square(np.abs(np.fft.rfft(high)))
    hz = np.fft.rfftfreq(len(high), 1 / 44_100)
    assert power[hz < 300].sum() < 1e-3 * power.sum()
    alone = tone(900.0, 3.0, 44_100)
    np.testing.assert_allclose(high[22_050:88_200].std(), alone[22_050:88_200].std(), rtol=0.1)


def test_the_passage_is_where_the_family_plays_loudest() -> None:
    energies = np.array([4.0, 1.0, 2.0])
    presence = np.array([[0.1], [0.9], [0.9]], np.float32)
    spans = ((0.0, 10.0), (10.0, 20.0), (20.0, 25.0))
    windows = WindowEmbeddings(("bass",), spans, energies, np.zeros((3, 1, 4), np.float32))
    assert find_passage(windows, "bass") == spans[0]
    assert find_passage(replace(windows, presence=presence), "bass") == spans[2]
    assert windows.heard(0.5) is None
    both = replace(windows, families=("bass", "organ"), presence=np.array([[0.2, 0.4]], np.float32))
    assert list(both.heard(0.1) or ()) == ["organ", "bass"]
    assert list(both.heard(0.5) or ()) == ["organ"]
    assert loudest_part(np.array([0, 0, 1, 1, 0], np.float32), 2) == 2
    assert loudest_part(np.array([0, 1], np.float32), 3) == 0


def test_the_notes_of_a_line_are_found() -> None:
    notes = find_notes(_line())
    assert [note.pitch for note in notes] == list(LINE)
    starts = [note.start_seconds for note in notes]
    np.testing.assert_allclose(starts, np.arange(5) * STEP_SECONDS, atol=0.04)
    noise = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    assert find_notes(noise) == () == find_notes(np.zeros(SAMPLE_RATE, np.float32))
    assert find_pitch(tone(_hz(57.3), 2.0, 48_000), 48_000) == pytest.approx(57.3, abs=0.15)
    assert find_pitch(noise, SAMPLE_RATE) is None


def test_strokes_are_found_with_their_loudness() -> None:
    decay = np.exp(-np.arange(4_000) / 500).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal((3, 4_000)).astype(np.float32)
    hits = np.concatenate(
        [gain * decay * one for gain, one in zip((1.0, 0.25, 1.0), noise, strict=True)]
    )
    first, second, third = find_strokes(hits)
    np.testing.assert_allclose([second.start_seconds, third.start_seconds], [0.25, 0.5], atol=0.03)
    assert second.velocity == pytest.approx(first.velocity / 2, abs=10)


def test_one_recorded_note_plays_any_pitch() -> None:
    recorded = tone(_hz(45.0), 2.0, 48_000)
    notes = [Note(pitch, 127, n * STEP_SECONDS, 0.4) for n, pitch in enumerate(LINE)]
    played = OneNoteEngine(recorded, 48_000, 45.0).render(notes, 3.0, SAMPLE_RATE)
    assert [note.pitch for note in find_notes(played)] == list(LINE)
    assert played.shape == (3 * SAMPLE_RATE,)
    soft = OneNoteEngine(recorded, 48_000, 45.0).render([Note(45, 64)], 1.0, SAMPLE_RATE)
    loud = OneNoteEngine(recorded, 48_000, 45.0).render([Note(45, 127)], 1.0, SAMPLE_RATE)
    assert soft.max() == pytest.approx(loud.max() * (64 / 127) ** 2, rel=1e-3)
    far = OneNoteEngine(recorded, 48_000, 45.0).render([Note(93)], 1.0, SAMPLE_RATE)
    assert find_pitch(far, SAMPLE_RATE) == pytest.approx(57.0, abs=0.3)


def test_a_match_plays_by_its_engine_or_its_note_or_as_it_is(tmp_path: Path) -> None:
    save_opus(tmp_path / "a.opus", tone(_hz(45.0), 2.0, 48_000), 48_000)
    match = Match(1, 0.5, instrument("a"), tmp_path / "a.opus")
    notes = tuple(Note(pitch, 127, n * STEP_SECONDS, 0.4) for n, pitch in enumerate(LINE))
    played, how = play_notes(match, notes, 2.5, SAMPLE_RATE, "bass")
    assert ([note.pitch for note in find_notes(played)], how) == (list(LINE), BY_ONE_NOTE)
    struck, _ = play_notes(match, notes, 2.5, SAMPLE_RATE, "percussion")
    assert {note.pitch for note in find_notes(struck)} == {45}
    alone, how = play_notes(match, (), 5.0, SAMPLE_RATE, "bass")
    assert (alone.shape, how) == ((5 * SAMPLE_RATE,), BY_NOTE)
    stranger = replace(match, instrument=replace(match.instrument, engine="plugin:/evil.so"))
    assert play_notes(stranger, notes, 1.0, SAMPLE_RATE, "bass")[1] == BY_ONE_NOTE
    pytest.importorskip("tinysoundfont")
    font = replace(match.instrument, engine="soundfont:TimGM6mb.sf2#0/33")
    played, how = play_notes(replace(match, instrument=font), notes, 2.5, SAMPLE_RATE, "bass")
    assert (played.shape, how) == ((40_000,), BY_ENGINE)


def test_loudness_is_measured_of_what_is_written(tmp_path: Path) -> None:
    from cir.ui.search.comparison import LOUDNESS, RATE, _save, read_passage

    seconds = _save(tmp_path / "deep" / "a.opus", 0.01 * tone(200.0, 2.0, RATE))
    audio, rate = load_audio(tmp_path / "deep" / "a.opus", sample_rate=None)
    assert (seconds, rate, len(audio)) == (2.0, RATE, 2 * RATE)
    assert integrated_loudness(audio, rate) == pytest.approx(LOUDNESS, abs=0.5)
    assert len(read_passage(tmp_path / "deep" / "a.opus", 0.5, 1.5)) == RATE
