import struct
import tracemalloc
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from cir.audio.dsp import resample
from cir.audio.io import check_audio, load_audio, save_opus, save_wav
from cir.errors import InputError
from cir.types import FloatArray

RATE = 16_000


def tone(seconds: float = 0.5, sample_rate: int = RATE, level: float = 0.5) -> FloatArray:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (level * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


# --- check_audio


@pytest.mark.parametrize("shape", ["(T,)", "(T, 1)", "(T, 2)", "(2, T)", "list"])
def test_every_usual_shape_becomes_the_same_mono(shape: str) -> None:
    mono = tone()
    given: Any = {
        "(T,)": mono,
        "(T, 1)": mono[:, None],
        "(T, 2)": np.stack([mono * 0.5, mono * 1.5], axis=1),
        "(2, T)": np.stack([mono * 1.5, mono * 0.5], axis=0),
        "list": mono.tolist(),
    }[shape]
    checked = check_audio(given, RATE)
    assert checked.dtype == np.float32
    np.testing.assert_allclose(checked, mono, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8"])
def test_integers_are_scaled_to_one(dtype: str) -> None:
    info = np.iinfo(dtype)
    middle = (int(info.max) + int(info.min) + 1) // 2
    checked = check_audio(np.array([info.min, middle, info.max], dtype=dtype), RATE)
    np.testing.assert_allclose(checked, [-1.0, 0.0, 1.0], atol=0.01)


def test_floats_keep_their_level() -> None:
    assert check_audio(np.array([3.0, -2.0]), RATE).tolist() == [3.0, -2.0]


@pytest.mark.parametrize(
    ("audio", "complaint"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.zeros((0, 2), np.float32), "empty"),
        (np.zeros(RATE, np.float32), "silent"),
        (np.full(RATE, 1e-5, np.float32), "silent"),
        (np.array([0.1, np.nan]), "NaN"),
        (np.array([[0.1, np.inf], [0.1, -np.inf]]), "NaN"),
        (np.array([1e300, 0.0]), "infinite"),
        (np.array([1, 2, 3]), "int64"),
        (np.array(["a"]), "type"),
        (np.array([1 + 1j]), "complex"),
        (np.float32(1.0), "0 dimensions"),
        (np.ones((2, 2, 2)), "3 dimensions"),
        (np.ones((100, 90)), "channels"),
        ([[1.0], [1.0, 2.0]], "ragged"),
        (None, "type object"),
    ],
)
def test_what_is_no_sound_is_refused(audio: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        check_audio(audio, RATE)


def test_a_sound_of_ten_hours_is_refused() -> None:
    second = np.resize(np.array([0.1, -0.1], np.float32), 1_000)
    ten_hours = np.broadcast_to(second, (36_000, 1_000)).reshape(-1)
    with pytest.raises(InputError, match=r"600\.0 minutes long; at most 20\.0 minutes"):
        check_audio(ten_hours, 1_000)
    assert check_audio(ten_hours[:100], 1_000, max_seconds=None).size == 100


@pytest.mark.parametrize("rate", [0, -1, 999, 400_000, 44_100.5, True, "48000", None])
def test_sample_rates_are_checked(rate: Any) -> None:
    with pytest.raises(InputError, match="sample rate"):
        check_audio(tone(), rate)


# --- load_audio


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3", "aiff"])
def test_every_format_decodes_to_16_khz_mono(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    stereo = np.stack([tone(0.5, 48_000), tone(0.5, 48_000)], axis=1)
    kwargs = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    sf.write(path, stereo, 48_000, **kwargs)
    audio, rate = load_audio(path)
    assert rate == RATE
    assert audio.ndim == 1
    assert audio.dtype == np.float32
    assert audio.size == pytest.approx(RATE // 2, rel=0.2)  # mp3 pads
    middle = audio[2_000:6_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    assert np.argmax(spectrum) * RATE / middle.size == pytest.approx(440, abs=4)


def test_decoding_block_by_block_equals_decoding_at_once(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 700_000).astype(np.float32)
    sf.write(path, noise, 44_100, subtype="FLOAT")
    audio, _ = load_audio(path)
    np.testing.assert_allclose(audio, resample(noise, 44_100, RATE), atol=1e-6)


def test_without_a_rate_the_file_keeps_its_own(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    save_wav(path, tone(0.5, 44_100), 44_100)
    audio, rate = load_audio(str(path), sample_rate=None)
    assert rate == 44_100
    np.testing.assert_allclose(audio, tone(0.5, 44_100), atol=1e-4)


def wav_header_of(seconds: int) -> bytes:
    """A WAV that says it is long, without its samples."""
    size = seconds * 8_000
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8_000, 8_000, 1, 8)
        + struct.pack("<4sI", b"data", size)
    )


def test_ten_hours_are_refused_by_the_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "ten_hours.wav"
    with path.open("wb") as file:
        file.write(wav_header_of(36_000))
        file.truncate(44 + 36_000 * 8_000)  # sparse: takes no space
    tracemalloc.start()
    with pytest.raises(InputError, match=r"ten_hours.wav is 600\.0 minutes long; at most 20\.0"):
        load_audio(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1e6


def test_the_limit_of_length_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    save_wav(path, tone(2.0), RATE)
    with pytest.raises(InputError, match=r"2\.0 seconds long; at most 1\.0 seconds"):
        load_audio(path, max_seconds=1.0)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("empty.wav", b"", r"empty.wav is empty \(0 bytes\)"),
        ("text.wav", b"this is no sound at all " * 50, "text.wav cannot be read as sound"),
        ("page.mp3", b"<html></html>" * 50, "page.mp3 cannot be read as sound"),
        ("bytes.raw", bytes(1000), "bytes.raw cannot be read as sound"),
        ("header.wav", wav_header_of(1), "header.wav: The sound is empty"),
        ("data.flac", b"fLaC" + bytes(100), "data.flac cannot be read as sound"),
    ],
)
def test_what_is_no_sound_file_is_refused(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        load_audio(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load_audio(tmp_path / "nowhere.wav")
    with pytest.raises(InputError, match="is a folder"):
        load_audio(tmp_path)


@pytest.mark.parametrize(("value", "complaint"), [(0.0, "silent"), (np.nan, "NaN")])
def test_the_file_is_named_where_its_sound_is_unusable(
    tmp_path: Path, value: float, complaint: str
) -> None:
    path = tmp_path / "sound.wav"
    sf.write(path, np.full(4_000, value, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=f"sound.wav: .*{complaint}"):
        load_audio(path)


def test_a_file_cut_short_still_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((tone(1.0) * 32_767).astype("<i2").tobytes())
    path.write_bytes(path.read_bytes()[: 44 + RATE])
    audio, _ = load_audio(path)
    assert audio.size == RATE // 2


# --- saving


def test_wav_round_trip_clips_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tone.wav"
    save_wav(path, tone(level=2.0), RATE)
    audio, _ = load_audio(path)
    np.testing.assert_allclose(audio, np.clip(tone(level=2.0), -1, 1), atol=1e-4)
    assert [file.name for file in path.parent.iterdir()] == ["tone.wav"]


@pytest.mark.parametrize(("rate", "stored_rate"), [(16_000, 16_000), (44_100, 48_000)])
def test_opus_round_trip_is_small_and_keeps_the_length(
    tmp_path: Path, rate: int, stored_rate: int
) -> None:
    path = tmp_path / "tone.opus"
    save_opus(path, tone(2.0, rate), rate)
    audio, read_rate = load_audio(path, sample_rate=None)
    assert read_rate == stored_rate
    assert audio.size == 2 * stored_rate
    assert float(np.sqrt(np.mean(audio**2))) == pytest.approx(0.354, abs=0.02)
    assert path.stat().st_size < 20_000


def test_a_failed_save_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        save_wav(tmp_path / "bad.wav", tone(), -1)
    assert list(tmp_path.iterdir()) == []
