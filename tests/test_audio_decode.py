"""Files as people have them: called anything, joined, cut off, never finished, of any kind."""

import io
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from cir.audio.decode import Decoded, decode
from cir.audio.dsp import resample
from cir.audio.formats import SOUND_SUFFIXES
from cir.audio.io import load_audio, load_with_notice, save_opus
from cir.audio.limits import MAX_SAMPLES
from cir.errors import InputError
from cir.instruments.preset_suffixes import SCHEMES
from cir.types import FloatArray
from cir.ui.own.html import drop_zone
from tests.sound_files import encode

RATE = 16_000


def melody(seconds: float, sample_rate: int = 44_100, seed: int = 0) -> FloatArray:
    """Notes of an eighth of a second each: every place sounds unlike every other."""
    generator = np.random.default_rng(seed)
    time = np.arange(sample_rate // 8) / sample_rate
    notes = [
        np.sin(2 * np.pi * hz * time) * np.exp(-6 * time)
        for hz in generator.uniform(200, 3_000, round(8 * seconds))
    ]
    return (0.4 * np.concatenate(notes)).astype(np.float32)


def written(sound: FloatArray, sample_rate: int, kind: str, subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, sound, sample_rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def likeness(found: FloatArray, expected: FloatArray) -> float:
    """Correlation, without any shift."""
    length = min(len(found), len(expected))
    return float(np.corrcoef(found[:length], expected[:length])[0, 1])


# --- What is in a file counts

KINDS = {
    "m4a": (44_100, "aac", "ipod"),
    "m4b with alac": (44_100, "alac", "ipod"),
    "3gp": (44_100, "aac", "3gp"),
    "mp4": (48_000, "aac", "mp4"),
    "aac": (44_100, "aac", "adts"),
    "webm": (48_000, "libopus", "webm"),
    "mka": (44_100, "aac", "matroska"),
    "opus": (48_000, "libopus", "ogg"),
    "ogg with flac": (44_100, "flac", "ogg"),
    "flac": (96_000, "flac", "flac"),
    "mp3": (44_100, "libmp3lame", "mp3"),
    "wav of floats": (44_100, "pcm_f32le", "wav"),
    "wav of 24 bits": (192_000, "pcm_s24le", "wav"),
    "wav with adpcm": (44_100, "adpcm_ms", "wav"),
    "w64": (44_100, "pcm_s16le", "w64"),
    "wv": (44_100, "wavpack", "wv"),
    "caf": (44_100, "pcm_s16be", "caf"),
    "caf with alac": (44_100, "alac", "caf"),
    "aiff": (44_100, "pcm_s16be", "aiff"),
    "au": (8_000, "pcm_mulaw", "au"),
    "tta": (44_100, "tta", "tta"),
}


@pytest.mark.parametrize("name", ["sound.mp3", "sound.ogg", "sound"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_content_decides_how_a_file_is_read(tmp_path: Path, kind: str, name: str) -> None:
    rate, codec, container = KINDS[kind]
    sound = melody(1.0, rate)
    path = encode(tmp_path / name, sound, rate, codec, container, 128_000)
    decoded = load_with_notice(path)
    assert decoded.sample_rate == RATE
    assert decoded.notice == ""
    assert len(decoded.audio) == pytest.approx(RATE, abs=0.1 * RATE)
    assert likeness(decoded.audio, resample(sound, rate, RATE)) > 0.98


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("kind", ["WAV", "AIFF", "FLAC", "CAF"])
def test_what_loses_nothing_gives_the_samples_that_were_written(
    tmp_path: Path, kind: str, subtype: str
) -> None:
    if not sf.check_format(kind, subtype):
        pytest.skip(f"There is no {kind} of {subtype}")
    path = tmp_path / "sound"
    path.write_bytes(written(melody(0.5), 44_100, kind, subtype))
    expected, _ = sf.read(path, dtype="float32")
    np.testing.assert_array_equal(load_audio(path, sample_rate=None)[0], expected)


@pytest.mark.parametrize(
    ("rate", "codec", "container"),
    [(44_100, "aac", "ipod"), (44_100, "aac", "mov"), (48_000, "libopus", "mp4")],
)
def test_what_fills_up_the_last_packet_of_an_mp4_is_no_sound(
    tmp_path: Path, rate: int, codec: str, container: str
) -> None:
    sound = melody(2.0, rate)[: round(1.9 * rate)]
    path = encode(tmp_path / "sound", sound, rate, codec, container, 128_000)
    found, _ = load_audio(path, sample_rate=None)
    assert len(found) == len(sound)
    assert likeness(found, sound) > 0.98


def test_folders_are_searched_for_the_same_names_on_the_page() -> None:
    handed = re.search(r'data-suffixes="(.*?)"', drop_zone())
    assert handed
    assert set(handed[1].split()) == SOUND_SUFFIXES | SCHEMES.keys() - {".sfz"} | {".zip"}


# --- All of it, and only that


def xing_removed(mp3: bytes) -> bytes:
    """Drop the first frame, which says how many there are."""
    start = mp3.index(b"\xff", 4)
    while mp3[start + 1] & 0xE0 != 0xE0 or mp3[start + 1] != mp3[1]:
        start = mp3.index(b"\xff", start + 1)
    return mp3[start:]


FIRST, SECOND = melody(2.0, seed=1), melody(3.0, seed=2)
JOINED = {
    "mp3": written(FIRST, 44_100, "MP3") + written(SECOND, 44_100, "MP3"),
    "mp3 of two rates": written(FIRST, 44_100, "MP3")
    + written(resample(SECOND, 44_100, 22_050), 22_050, "MP3"),
    "ogg vorbis": written(FIRST, 44_100, "OGG", "VORBIS")
    + written(SECOND, 44_100, "OGG", "VORBIS"),
    "ogg vorbis of two rates, then stereo": written(FIRST, 44_100, "OGG", "VORBIS")
    + written(np.stack([resample(SECOND, 44_100, 48_000)] * 2, axis=1), 48_000, "OGG", "VORBIS"),
    "ogg vorbis, then opus": written(FIRST, 44_100, "OGG", "VORBIS")
    + written(resample(SECOND, 44_100, 48_000), 48_000, "OGG", "OPUS"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", JOINED)
def test_joined_files_are_read_to_their_end(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "joined"
    path.write_bytes(JOINED[kind])
    decoded = load_with_notice(path)
    assert len(decoded.audio) == pytest.approx(5 * RATE, abs=0.15 * RATE)
    assert decoded.notice == ""
    second = resample(SECOND, 44_100, RATE)
    starts = range(2 * RATE - 200, len(decoded.audio) - len(second) + 200)
    assert max(likeness(decoded.audio[start:], second) for start in starts) > 0.9


def test_joined_opus_of_equal_serial_numbers_is_read_to_its_end(tmp_path: Path) -> None:
    first, second = melody(2.0, RATE, 1), melody(3.0, RATE, 2)
    for name, sound in (("first", first), ("second", second)):
        save_opus(tmp_path / name, sound, RATE)
    path = tmp_path / "joined"
    path.write_bytes((tmp_path / "first").read_bytes() + (tmp_path / "second").read_bytes())
    audio, _ = load_audio(path)
    assert len(audio) == 5 * RATE
    assert likeness(audio[2 * RATE :], second) > 0.95


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_an_mp3_that_does_not_say_its_length_is_read_to_its_end(tmp_path: Path, rate: int) -> None:
    mp3 = written(melody(3.0, rate), rate, "MP3")
    with_tag, without = tmp_path / "tag.mp3", tmp_path / "no tag.mp3"
    with_tag.write_bytes(mp3)
    without.write_bytes(xing_removed(mp3))
    expected = load_audio(with_tag)[0]
    decoded = load_with_notice(without)
    assert decoded.notice == ""
    assert len(expected) <= len(decoded.audio) < len(expected) + 0.15 * RATE
    np.testing.assert_allclose(decoded.audio[2_000 : len(expected)], expected[2_000:], atol=2e-3)


def unwritten_wav(size: int) -> bytes:
    """As a recorder leaves it that was switched off."""
    wav = written(melody(2.0, RATE), RATE, "WAV")
    return wav[:4] + size.to_bytes(4, "little") + wav[8:40] + size.to_bytes(4, "little") + wav[44:]


@pytest.mark.parametrize(("kind", "place"), [("W64", 16), ("CAF", None)])
def test_w64_and_caf_whose_length_was_never_written_are_read_to_their_end(
    tmp_path: Path, kind: str, place: int | None
) -> None:
    content = bytearray(written(melody(2.0, RATE), RATE, kind, "PCM_16"))
    start = content.index(b"data") + 4 if place is None else place
    content[start : start + 8] = b"\xff" * 8
    path = tmp_path / "recorded"
    path.write_bytes(content)
    decoded = load_with_notice(path)
    assert (len(decoded.audio), decoded.notice) == (2 * RATE, "")


def test_alac_in_caf_is_read_to_its_end(tmp_path: Path) -> None:
    sound = melody(1.0)[:-1_000]  # the last packet is no full one
    path = encode(tmp_path / "sound", sound, 44_100, "alac", "caf")
    found, _ = load_audio(path, sample_rate=None)
    assert len(found) == len(sound)
    np.testing.assert_allclose(found, sound, atol=2**-15)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_whose_length_was_never_written_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "recorded.wav"
    path.write_bytes(unwritten_wav(size))
    decoded = load_with_notice(path)
    assert (len(decoded.audio), decoded.notice) == (2 * RATE, "")


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", None),
        ("AIFF", None),
        ("W64", None),
        ("CAF", None),
        ("FLAC", None),
        ("MP3", None),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
    ],
)
def test_a_file_that_is_cut_off_gives_what_is_there_and_says_so(
    tmp_path: Path, kind: str, subtype: str | None
) -> None:
    sound = melody(6.0, 48_000)
    content = written(sound, 48_000, kind, subtype)
    path = tmp_path / "cut"
    path.write_bytes(content[: len(content) // 2])
    decoded = load_with_notice(path)
    assert 1.5 * RATE < len(decoded.audio) < 3.5 * RATE
    assert likeness(decoded.audio, resample(sound, 48_000, RATE)) > 0.98
    assert re.match(r"The file is cut off.* \d\.\d s", decoded.notice)


@pytest.mark.parametrize("kind", ["FLAC", "MP3"])
def test_damage_in_the_middle_is_left_out_and_said(tmp_path: Path, kind: str) -> None:
    content = bytearray(written(melody(6.0), 44_100, kind))
    middle = len(content) // 2
    content[middle : middle + 4_000] = bytes(range(250)) * 16
    path = tmp_path / "damaged"
    path.write_bytes(content)
    decoded = load_with_notice(path)
    assert 5 * RATE < len(decoded.audio) < 6 * RATE
    assert "damaged" in decoded.notice


def test_the_same_bytes_give_the_same_samples_whatever_was_read_before(tmp_path: Path) -> None:
    path, other = tmp_path / "sound.mp3", tmp_path / "other.wav"
    path.write_bytes(xing_removed(written(melody(2.0, RATE), RATE, "MP3"))[:-400])
    found = []
    for seed in range(3):
        other.write_bytes(written(melody(3.0, RATE, seed), RATE, "WAV"))
        load_audio(other)
        found.append(load_audio(path)[0].tobytes())
    assert len(set(found)) == 1


# --- What it may cost


def test_playlists_do_not_open_what_they_name(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(written(melody(1.0), 44_100, "WAV"))
    for text in (f"#EXTM3U\n#EXTINF:1,\n{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
        path = tmp_path / "list.mp3"
        path.write_text(text)
        with pytest.raises(InputError, match="cannot be read as sound"):
            load_audio(path)


def test_more_samples_than_are_ever_read_are_refused_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    frames = MAX_SAMPLES // 32 + 1
    header = bytearray(written(np.zeros((1, 32), np.float32), 96_000, "WAV", "PCM_U8"))
    header[4:8] = (frames * 32 + len(header) - 8).to_bytes(4, "little")
    place = header.index(b"data") + 4
    header[place : place + 4] = (frames * 32).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + frames * 32)  # sparse: takes no space
    with pytest.raises(InputError, match="more than 1,000,000,000 samples"):
        load_audio(path)


def test_a_short_file_that_claims_to_be_long_is_read(tmp_path: Path) -> None:
    content = bytearray(written(melody(2.0, RATE), RATE, "FLAC"))
    content[21:26] = (content[21] & 0xF0 | 0x0F).to_bytes(1, "big") + b"\xff" * 4
    path = tmp_path / "claims.flac"
    path.write_bytes(content)
    decoded = load_with_notice(path)
    assert len(decoded.audio) == 2 * RATE
    assert "cut off" in decoded.notice


def test_two_files_are_decoded_at_once_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(written(melody(0.5, RATE), RATE, "WAV"))
    inside, most, lock, meet = 0, 0, threading.Lock(), threading.Barrier(2, timeout=20)
    read: Callable[..., Decoded] = decode

    def watched(*arguments: object) -> Decoded:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        meet.wait()
        decoded = read(*arguments)
        with lock:
            inside -= 1
        return decoded

    monkeypatch.setattr("cir.audio.io.decode", watched)
    threads = [threading.Thread(target=load_audio, args=(path,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_an_offset_is_silence_at_every_rate(tmp_path: Path) -> None:
    for rate in (16_000, 44_100):
        path = tmp_path / f"offset {rate}.wav"
        path.write_bytes(written(np.full(rate, 0.5, np.float32), rate, "WAV"))
        with pytest.raises(InputError, match=r"offset \d+\.wav: The sound is silent"):
            load_audio(path)


def test_a_sound_that_only_bats_hear_is_silence(tmp_path: Path) -> None:
    time = np.arange(96_000) / 96_000
    path = tmp_path / "bat.wav"
    sound = 0.5 * np.hanning(96_000) * np.sin(2 * np.pi * 30_000 * time)
    path.write_bytes(written(sound.astype(np.float32), 96_000, "WAV"))
    with pytest.raises(InputError, match="silent"):
        load_audio(path)
