import struct
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.engines.preset_files import list_presets
from cir.engines.sfz import SfzEngine, sfz_samples
from cir.errors import EngineError
from cir.library.sounds import add_sounds
from cir.types import FloatArray, Note
from tests.engine_cases import dominant_pitch, tone, write_sfz
from tests.fakes import SpectrumEncoder

C3 = "<region> sample=Sine C3.wav pitch_keycenter=48 ampeg_release=0.1"


def play(folder: Path, text: str, note: Note, seconds: float = 1.0) -> FloatArray:
    return SfzEngine(write_sfz(folder, text)).render([note], seconds, 16_000)


def peak(audio: FloatArray) -> float:
    return float(np.abs(audio).max())


@pytest.mark.parametrize(
    ("opcodes", "pitch", "heard"),
    [
        ("", 48, 48),
        ("", 55, 55),
        ("transpose=12", 48, 60),
        ("tune=100", 48, 49),
        ("pitch_keytrack=0", 60, 48),
        ("pitch_keycenter=c4", 60, 48),
        ("pitch_keycenter=c#4", 60, 47),
        ("key=50", 50, 48),
        ("pitch_keycenter=sample", 50, 50),
    ],
)
def test_keys_sound_at_their_pitch(tmp_path: Path, opcodes: str, pitch: int, heard: int) -> None:
    base = "<region> sample=Sine C3.wav " if "key" in opcodes else C3
    audio = play(tmp_path, f"{base} {opcodes}", Note(pitch, 100, 0.0, 0.4), 0.4)
    assert dominant_pitch(audio, 16_000) == heard


@pytest.mark.parametrize(
    ("opcodes", "note", "sounds"),
    [
        ("lokey=50 hikey=60", Note(49), False),
        ("lokey=50 hikey=60", Note(50), True),
        ("lokey=50 hikey=60", Note(61), False),
        ("lovel=64 hivel=90", Note(48, 63), False),
        ("lovel=64 hivel=90", Note(48, 64), True),
        ("trigger=release", Note(48), False),
        ("seq_length=2 seq_position=2", Note(48), False),
        ("lorand=0.5 hirand=1", Note(48), False),
        ("sw_last=25 sw_default=24", Note(48), False),
        ("sw_last=24 sw_default=24", Note(48), True),
        ("locc1=64 hicc1=127", Note(48), False),
        ("locc1=0 hicc1=63", Note(48), True),
    ],
)
def test_a_region_plays_for_its_keys_velocities_and_controllers_at_rest(
    tmp_path: Path, opcodes: str, note: Note, sounds: bool
) -> None:
    text = f"{C3} {opcodes}\n<region> sample=Sine C5.wav key=1"
    assert bool(play(tmp_path, text, note, 0.2).any()) is sounds


@pytest.mark.parametrize(
    ("opcodes", "velocity", "expected"),
    [
        ("", 127, 0.9),
        ("", 64, 0.9 * (64 / 127) ** 2),
        ("amp_veltrack=0", 1, 0.9),
        ("volume=-20", 127, 0.09),
        ("amplitude=50", 127, 0.45),
        ("ampeg_sustain=50", 127, 0.45),
    ],
)
def test_levels(tmp_path: Path, opcodes: str, velocity: int, expected: float) -> None:
    audio = play(tmp_path, f"{C3} {opcodes}", Note(48, velocity, 0.0, 0.5), 0.4)
    assert peak(audio[1_600:]) == pytest.approx(expected, rel=0.03)


def test_envelopes_attack_and_release(tmp_path: Path) -> None:
    audio = play(tmp_path, f"{C3} ampeg_attack=0.2 ampeg_release=0.2", Note(48, 127, 0.0, 0.4))
    assert peak(audio[1_500:1_700]) == pytest.approx(0.45, abs=0.06)
    assert peak(audio[7_900:8_100]) == pytest.approx(0.45, abs=0.06)
    assert not audio[9_800:].any()
    shot = play(tmp_path, f"{C3} loop_mode=one_shot", Note(48, 127, 0.0, 0.1))
    assert peak(shot[14_000:15_000]) > 0.8


def test_loops_of_opcodes_and_of_wav_files_hold_a_note(tmp_path: Path) -> None:
    held = Note(48, 127, 0.0, 2.0)
    assert not play(tmp_path, C3, held, 2.0)[17_000:].any()
    looped = f"{C3} loop_mode=loop_continuous loop_start=4410 loop_end=22049"
    assert peak(play(tmp_path, looped, held, 2.0)[30_000:]) > 0.8
    path = write_sfz(tmp_path, C3)
    smpl = b"smpl" + struct.pack("<I28xII8xII8x", 60, 1, 0, 4_410, 22_049)
    with (tmp_path / "Sine C3.wav").open("ab") as wav:
        wav.write(smpl)
    assert peak(SfzEngine(path).render([held], 2.0, 16_000)[30_000:]) > 0.8
    path.write_text(f"{C3} loop_mode=no_loop")
    assert not SfzEngine(path).render([held], 2.0, 16_000)[17_000:].any()


def test_headers_hand_down_what_they_say_and_includes_are_read(tmp_path: Path) -> None:
    (tmp_path / "part.txt").write_text("<region> sample=$NOTE.wav // C3\n")
    text = (
        "/* two\nlines */ <control> default_path=\n#define $NOTE Sine\\ C3\n"
        "<global> volume=-20 <master> amp_veltrack=0 <group> pitch_keycenter=48\n"
        '#include "part.txt"\n<group>\n<region> sample=Sine C5.wav key=1'
    ).replace("Sine\\ C3", "tone")
    save_wav(tmp_path / "tone.wav", tone(48, 1.0, 44_100), 44_100)
    audio = play(tmp_path, text, Note(60, 10, 0.0, 0.4), 0.4)
    assert dominant_pitch(audio, 16_000) == 60
    assert peak(audio) == pytest.approx(0.09, rel=0.05)


def test_it_says_what_it_plays_without(tmp_path: Path) -> None:
    text = f"{C3} cutoff=500 fil_type=lpf_2p lfo01_freq=3 pan=20 group_label=x"
    engine = SfzEngine(write_sfz(tmp_path, text))
    assert engine.ignored == ("cutoff", "fil_type", "lfo01_freq")
    (info,) = list_presets(f"sfz:{engine.path}")
    assert info.name == "Sine"
    assert info.remark == "is played without its cutoff, fil_type, lfo01_freq"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nothing", "plays no sample"),
        ("<region> sample=*saw", "plays no sample"),
        ("<region> sample=/etc/passwd", "absolute path"),
        ("<region> sample=C:\\x.wav", "absolute path"),
        ('#include "Sine.sfz"', "or itself"),
    ],
)
def test_what_cannot_be_played_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(EngineError, match=complaint):
        SfzEngine(write_sfz(tmp_path, text))


def test_samples_are_found_in_another_case(tmp_path: Path) -> None:
    (tmp_path / "Samples").mkdir()
    save_wav(tmp_path / "Samples" / "Tone.WAV", tone(60, 0.5, 16_000), 16_000)
    text = "<control> default_path=samples\\\n<region> sample=tone.wav"
    assert dominant_pitch(play(tmp_path, text, Note(60, 100, 0.0, 0.4), 0.4), 16_000) == 60


def test_a_missing_sample_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"gone\.wav"):
        play(tmp_path, "<region> sample=gone.wav", Note(60))


@pytest.mark.slow
def test_a_folder_gives_the_instrument_and_not_its_samples(tmp_path: Path) -> None:
    folder = tmp_path / "Leads"
    folder.mkdir()
    path = write_sfz(folder)
    assert sfz_samples(path) == {folder / "Sine C3.wav", folder / "Sine C5.wav"}
    (folder / "broken.sfz").write_text("nothing")
    report = add_sounds(tmp_path / "db", SpectrumEncoder(), [folder])
    assert [(row.name, row.family, row.source) for row in report.added] == [
        ("Sine", "synth_lead", "sfz")
    ]
    assert len(report.refused) == 1 and "broken.sfz" in report.refused[0]
