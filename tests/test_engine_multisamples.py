from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.engines.multisamples import SampleName, choose_notes, group_samples, read_name
from cir.engines.registry import open_engine
from cir.errors import EngineError
from cir.types import Note
from tests.fakes import tone


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("Grand Piano C3", SampleName("Grand Piano", 48)),
        ("bass_f#2", SampleName("bass", 42)),
        ("Strings_A#4_v3_rr2", SampleName("Strings", 70, 3, 2)),
        ("Flute Eb5 mf", SampleName("Flute", 75, 80)),
        ("Rhodes vel100 RR1", SampleName("Rhodes", None, 100, 1)),
        ("bass_acoustic_000-024-127", SampleName("bass_acoustic_000", 24, 127)),
        ("Kick v2", SampleName("Kick v2")),
        ("Loop f 90", SampleName("Loop f 90")),
    ],
)
def test_a_name_says_pitch_level_and_take(stem: str, expected: SampleName) -> None:
    assert read_name(stem) == expected


def test_recordings_of_one_instrument_are_a_group() -> None:
    stems = ["Pad C2", "Pad C3", "Snare 01", "Snare 02", "Bell 36", "Bell 48", "Bell 60", "Lead C3"]
    groups = group_samples(stems)
    assert {one.name: [position for position, _ in one.members] for one in groups} == {
        "Pad": [0, 1],
        "Bell": [4, 5, 6],
    }
    assert group_samples(["C3", "D3"])[0].name == ""
    assert not group_samples(["Take 40", "Take 41", "Take 42", "Take 43"])  # they count


def test_an_instrument_is_known_by_notes_around_its_reference() -> None:
    names = [f"Pad {letter}{octave} vel{level}" for octave in range(8) for letter in "CF"
             for level in (30, 100)]  # fmt: skip
    (group,) = group_samples(names)
    chosen = [names[position] for position in choose_notes(group, 61, 100, 4)]
    assert chosen[0] == "Pad C4 vel100"
    assert len(set(chosen)) == 4
    assert all(name.endswith("vel100") for name in chosen)
    assert {name[4:6] for name in chosen} <= {"C2", "F2", "C3", "F3", "C4", "F4", "C5", "F5", "C6"}


def test_a_group_plays_its_own_samples_and_layers(tmp_path: Path) -> None:
    for name, pitch in (("Pad C3 vel30", 100.0), ("Pad C3 vel110", 200.0), ("Lead C3", 300.0)):
        save_wav(tmp_path / f"{name}.wav", tone(pitch, 0.2), 16_000)
    engine = open_engine(f"samples:{tmp_path}#pad")
    for velocity, pitch in ((20, 100.0), (127, 200.0)):
        sound = engine.render([Note(48, velocity)], 0.2, 16_000)
        np.testing.assert_allclose(sound, tone(pitch, 0.2), atol=1e-3)
    with pytest.raises(EngineError, match="no multi-sample named 'organ'"):
        open_engine(f"samples:{tmp_path}#organ")
