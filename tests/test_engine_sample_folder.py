from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.engines.sample_folder import SampleFolderEngine, pitches_from_names
from cir.errors import EngineError, InputError
from cir.types import Note
from tests.engine_cases import dominant_pitch, tone, write_samples


@pytest.mark.parametrize(
    ("names", "pitches"),
    [
        (["Piano C3", "Piano C4", "Piano A0"], [48, 60, 21]),
        (["bass_f#2_soft", "bass-Bb1", "C-1"], [42, 34, 0]),
        (["sax_c4", "noise"], [60, None]),
        (["bass_synthetic_001-060-100", "bass_synthetic_001-023-025"], [60, 23]),
        (["pluck_60", "pluck_61", "108"], [60, 61, 108]),
        (["pluck 60", "pluck-72"], [60, 72]),
        (["snare_01", "snare_02"], [None, None]),
        (["take_60", "other_60"], [None, None]),
        (["take_60", "noise"], [None, None]),
        (["kick", "TR808", "AC3", "Bass2", "c10", "H4"], [None] * 6),
    ],
)
def test_names_say_pitches(names: list[str], pitches: list[int | None]) -> None:
    assert pitches_from_names(names) == pitches


@pytest.mark.parametrize(("asked", "heard"), [(0, 48), (59, 48), (61, 72), (127, 72)])
def test_the_nearest_sample_is_played_as_it_is(tmp_path: Path, asked: int, heard: int) -> None:
    engine = SampleFolderEngine(write_samples(tmp_path))
    assert [pitch for pitch, _ in engine.samples] == [48, 72]
    audio = engine.render([Note(asked, 100, 0.0, 0.1)], 1.0, 16_000)
    assert dominant_pitch(audio, 16_000) == heard


def test_one_shots_ring_past_their_note_to_their_own_end(tmp_path: Path) -> None:
    engine = SampleFolderEngine(write_samples(tmp_path))
    audio = engine.render([Note(48, 100, 0.5, 0.1)], 2.0, 16_000)
    assert np.max(np.abs(audio[22_000:23_000])) > 0.8
    assert not audio[24_000:].any()


def test_names_without_pitches_lie_on_keys_in_order(tmp_path: Path) -> None:
    for position, name in enumerate(["clap", "kick", "snare"]):
        save_wav(tmp_path / f"{name}.wav", tone(60 + position, 0.5, 16_000), 16_000)
    (tmp_path / "readme.txt").write_text("not a sample")
    engine = SampleFolderEngine(tmp_path)
    assert [(pitch, file.stem) for pitch, file in engine.samples] == [
        (36, "clap"),
        (37, "kick"),
        (38, "snare"),
    ]
    audio = engine.render([Note(37)], 0.5, 16_000)
    assert dominant_pitch(audio, 16_000) == 61


def test_a_single_file_is_an_instrument(tmp_path: Path) -> None:
    save_wav(tmp_path / "kick.wav", tone(40, 0.5, 44_100), 44_100)
    engine = SampleFolderEngine(tmp_path / "kick.wav")
    assert dominant_pitch(engine.render([Note(99)], 0.5, 16_000), 16_000) == 40


def test_folders_without_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="holds 0 sound files"):
        SampleFolderEngine(tmp_path)
    with pytest.raises(EngineError, match="There is no sample folder"):
        SampleFolderEngine(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(EngineError, match=r"notes\.txt is no sample"):
        SampleFolderEngine(tmp_path / "notes.txt")


def test_a_sample_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "kick.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"kick\.wav cannot be read"):
        SampleFolderEngine(tmp_path).render([Note(36)], 0.5, 16_000)
