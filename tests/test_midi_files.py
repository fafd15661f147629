from pathlib import Path

import mido
import numpy as np
import pytest

from cir.datasets.midi_files import list_midi_files, read_folder, read_parts
from cir.errors import DataError, InputError
from cir.types import Note
from tests.shared_data import SURGE

FREEDOOM = SURGE.parent / "midi" / "freedoom"


def write_midi(path: Path, tracks: list[list[mido.Message]], ticks_per_beat: int = 100) -> Path:
    """Messages with their times in ticks since the one before."""
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def on(pitch: int, time: int = 0, channel: int = 0, velocity: int = 90) -> mido.Message:
    return mido.Message("note_on", note=pitch, velocity=velocity, time=time, channel=channel)


def off(pitch: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


def program(number: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("program_change", program=number, time=time, channel=channel)


def tempo(bpm: float, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=time)


def test_ticks_become_seconds_through_changes_of_tempo(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "a.mid",
        [
            [tempo(60), tempo(120, 200)],  # 1 s a quarter, from the third one on 0.5 s
            [program(33), on(40, 100), off(40, 200), on(41, 100, velocity=50), off(41, 100)],
        ],
    )
    (part,) = read_parts(path)
    assert (part.program, part.family) == (33, "bass")
    assert part.notes == (Note(40, 90, 1.0, 1.5), Note(41, 50, 3.0, 0.5))


def test_drums_are_left_out_and_channels_kept_apart(tmp_path: Path) -> None:
    track = [program(0), program(80, channel=1), on(36, channel=9), off(36, 50, channel=9)]
    track += [on(60), on(72, channel=1), off(60, 50), off(72, 50, channel=1)]
    parts = read_parts(write_midi(tmp_path / "a.mid", [track]))
    assert [(part.family, [n.pitch for n in part.notes]) for part in parts] == [
        ("piano", [60]),
        ("synth_lead", [72]),
    ]


def test_a_note_keeps_the_program_it_began_with(tmp_path: Path) -> None:
    track = [program(33), on(40), program(80, 10), off(40, 10), on(70), off(70, 10)]
    parts = read_parts(write_midi(tmp_path / "a.mid", [track]))
    assert [(part.program, part.notes[0].pitch) for part in parts] == [(33, 40), (80, 70)]


def test_a_program_set_in_another_track_at_the_same_tick_counts(tmp_path: Path) -> None:
    (part,) = read_parts(
        write_midi(tmp_path / "a.mid", [[on(60), off(60, 10)], [program(73)]]),
    )
    assert part.family == "pipe"


def test_overlapping_notes_of_one_pitch_end_in_the_order_they_began(tmp_path: Path) -> None:
    track = [on(60), on(60, 100, velocity=30), off(60, 100), on(60, 100, velocity=0)]
    (part,) = read_parts(write_midi(tmp_path / "a.mid", [track]))
    assert part.notes == (Note(60, 90, 0.0, 1.0), Note(60, 30, 0.5, 1.0))


def test_notes_that_never_end_or_at_once_are_left_out(tmp_path: Path) -> None:
    track = [on(60), off(60), on(61), on(62), off(62, 50), off(99)]
    (part,) = read_parts(write_midi(tmp_path / "a.mid", [track]))
    assert [note.pitch for note in part.notes] == [62]


def test_sound_effects_have_no_family(tmp_path: Path) -> None:
    track = [program(127), on(60), off(60, 10)]
    (part,) = read_parts(write_midi(tmp_path / "a.mid", [track]))
    assert part.family is None


@pytest.mark.slow
@pytest.mark.skipif(not FREEDOOM.exists(), reason=f"needs the songs of {FREEDOOM}")
@pytest.mark.parametrize("name", ["d_dm01.mid", "d_dm05.mid", "d_e1m1.mid"])
def test_real_songs_start_their_notes_when_a_player_would(name: str) -> None:
    ours = [note for part in read_parts(FREEDOOM / name) for note in part.notes]
    starts: dict[tuple[int, int], list[float]] = {}
    now = 0.0
    for message in mido.MidiFile(FREEDOOM / name):  # all tracks in order, times in seconds
        now += message.time
        if message.type == "note_on" and message.velocity > 0 and message.channel != 9:
            starts.setdefault((message.note, message.velocity), []).append(now)
    assert len(ours) == pytest.approx(sum(map(len, starts.values())), rel=0.01)
    for note in ours:
        heard = np.array(starts[note.pitch, note.velocity])
        assert np.abs(heard - note.start_seconds).min() < 1e-6


def test_folders_are_searched_within_and_broken_files_give_none(tmp_path: Path) -> None:
    write_midi(tmp_path / "Track1" / "MIDI" / "S00.mid", [[on(60), off(60, 10)]])
    (tmp_path / "broken.MIDI").write_bytes(b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\1\0\x90")
    (tmp_path / "notes.txt").write_text("no")
    told: list[float] = []
    found = list(read_folder(tmp_path, progress=lambda fraction, _: told.append(fraction)))
    assert [(path.name, parts is None) for path, parts in found] == [
        ("S00.mid", False),
        ("broken.MIDI", True),
    ]
    assert told == [0.0, 0.5]


def test_folders_without_midi_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"names end in \.mid or \.midi"):
        list_midi_files(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        list_midi_files(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"MThd", b"RIFF" + bytes(50)])
def test_what_is_no_midi_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mid cannot be read as MIDI"):
        read_parts(tmp_path / "a.mid")
