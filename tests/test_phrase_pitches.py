from collections.abc import Sequence

import pytest

from cir.index.phrase_pitches import exact_notes, recorded_notes
from cir.index.phrase_scores import (
    BASS_LINE,
    BEAT,
    BELLS,
    BROKEN_CHORDS,
    CHORDS,
    MELODY,
    SLOW_CHORDS,
    TWO_LONG_NOTES,
    Score,
    score_for,
)
from cir.instruments.families import FAMILIES
from cir.instruments.note_bank import BankNote
from cir.types import Note

SCORES = (BASS_LINE, MELODY, BROKEN_CHORDS, CHORDS, SLOW_CHORDS, BELLS, BEAT, TWO_LONG_NOTES)


def record(pitches: Sequence[int], *, seconds: float = 2.0) -> list[BankNote]:
    """One recording of each pitch."""
    return [
        BankNote(index, pitch, 100, seconds, True, 0, round(16_000 * seconds), 0.0)
        for index, pitch in enumerate(pitches)
    ]


def melody(notes: Sequence[Note]) -> list[int]:
    """The first note at each time."""
    return list({note.start_seconds: note.pitch for note in reversed(notes)}.values())[::-1]


@pytest.mark.parametrize("score", SCORES)
def test_a_phrase_takes_two_bars(score: Score) -> None:
    last = score.events[-1]
    assert 3.0 <= last.start_seconds + last.seconds <= 4.0
    starts = [event.beat for event in score.events]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("family", [*FAMILIES, None])
def test_every_family_has_a_phrase(family: str | None) -> None:
    assert score_for(family, "Anything") in SCORES


def test_drums_play_a_beat_and_bells_a_tune() -> None:
    assert score_for("percussion", "Drums") is BEAT
    assert score_for("percussion", "Bells") is BELLS


@pytest.mark.parametrize("score", SCORES)
def test_an_exact_phrase_lies_around_its_centre(score: Score) -> None:
    notes = exact_notes(score, 60)
    assert len(notes) == sum(len(event.steps) for event in score.events)
    heard = melody(notes)
    assert abs((min(heard) + max(heard)) / 2 - 60) <= 0.5


def test_who_has_every_pitch_plays_the_melody_as_written() -> None:
    written = melody(exact_notes(MELODY, 62))
    played = melody(recorded_notes(MELODY, 62, record(range(40, 90)), one_voice=True))
    shift = played[0] - written[0]
    assert [pitch - shift for pitch in played] == written


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("one_voice", [True, False])
def test_only_recorded_notes_are_played(score: Score, one_voice: bool) -> None:
    recorded = record([31, 40, 45, 47, 52, 55, 58, 62, 63, 69, 74, 81])
    notes = recorded_notes(score, 55, recorded, one_voice=one_voice)
    assert {note.pitch for note in notes} <= {one.pitch for one in recorded}
    assert len(melody(notes)) == len(score.events)
    assert notes == recorded_notes(score, 55, recorded, one_voice=one_voice)


def test_one_voice_never_overlaps_itself() -> None:
    notes = recorded_notes(BROKEN_CHORDS, 55, record(range(40, 75, 3)), one_voice=True)
    for note, following in zip(notes, notes[1:], strict=False):
        assert note.start_seconds + note.duration_seconds <= following.start_seconds + 1e-9


def test_chords_keep_to_one_scale_and_do_not_clash() -> None:
    notes = recorded_notes(
        CHORDS, 62, record([50, 53, 55, 57, 58, 61, 62, 64, 66, 69, 70]), one_voice=False
    )
    chords: dict[float, list[int]] = {}
    for note in notes:
        chords.setdefault(note.start_seconds, []).append(note.pitch)
    assert max(map(len, chords.values())) >= 2
    for chord in chords.values():
        intervals = {abs(a - b) % 12 for a in chord for b in chord if a != b}
        assert not intervals & {1, 2, 6, 10, 11}


def test_long_events_are_given_to_long_recordings() -> None:
    short, long = record([60, 64, 67], seconds=0.1), record([59, 66], seconds=2.0)
    notes = recorded_notes(TWO_LONG_NOTES, 62, [*short, *long], one_voice=True)
    assert {note.pitch for note in notes} <= {59, 66}


def test_a_single_recording_plays_the_rhythm() -> None:
    notes = recorded_notes(BEAT, 64, record([50]), one_voice=True)
    assert [note.pitch for note in notes] == [50] * len(BEAT.events)
