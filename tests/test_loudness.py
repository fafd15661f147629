import numpy as np
import pytest

from cir.audio.loudness import SILENT_LUFS, LoudnessMeter, integrated_loudness
from cir.types import FloatArray


def _sine(level_db: float, seconds: float, rate: int = 48_000, hertz: float = 997.0) -> FloatArray:
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * time), np.float32)


@pytest.mark.parametrize("rate", [11_025, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("level_db", [-23.0, -33.0])
def test_a_stereo_sine_has_its_own_level(rate: int, level_db: float) -> None:
    """EBU Tech 3341, cases 1 and 2."""
    stereo = np.stack([_sine(level_db, 5.0, rate)] * 2, axis=1)
    assert integrated_loudness(stereo, rate) == pytest.approx(level_db, abs=0.1)


def test_quiet_passages_are_gated() -> None:
    """EBU Tech 3341, cases 3 and 4: what lies 10 LU below, or below -70 LUFS, does not count."""
    levels = [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)]
    mono = np.concatenate([_sine(*part, rate=16_000) for part in levels])
    assert integrated_loudness(mono, 16_000) == pytest.approx(-23.0, abs=0.1)


def test_mono_is_as_loud_as_the_same_on_both_channels() -> None:
    mono = _sine(-20.0, 1.0)
    stereo = np.stack([mono, mono], axis=1)
    assert integrated_loudness(mono, 48_000) == pytest.approx(
        integrated_loudness(stereo, 48_000), abs=0.01
    )
    one_side = np.stack([mono, np.zeros_like(mono)], axis=1)
    assert integrated_loudness(one_side, 48_000) == pytest.approx(-23.0, abs=0.1)


def test_halving_takes_six_decibels() -> None:
    noise = np.random.default_rng(0).standard_normal(48_000, dtype=np.float32)
    noise *= np.float32(0.1)
    halved = noise / np.float32(2)
    difference = integrated_loudness(noise, 48_000) - integrated_loudness(halved, 48_000)
    assert difference == pytest.approx(20 * np.log10(2), abs=0.02)


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(48_000, np.float32)])
def test_silence_is_at_the_gate(audio: FloatArray) -> None:
    assert integrated_loudness(audio, 48_000) == SILENT_LUFS


def test_a_click_shorter_than_a_block_is_measured_whole() -> None:
    assert integrated_loudness(_sine(-10.0, 0.1), 48_000) == pytest.approx(-10.0, abs=0.5)


@pytest.mark.parametrize("rate", [11_025, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_sound_in_pieces_is_as_loud_as_in_one(rate: int, channels: int) -> None:
    generator = np.random.default_rng(channels)
    swelling = np.linspace(0.0, 0.3, 3 * rate)[:, np.newaxis]
    sound = (swelling * generator.standard_normal((3 * rate, channels))).astype(np.float32)
    meter = LoudnessMeter(rate)
    for piece in np.split(sound, np.sort(generator.integers(0, len(sound), 40))):
        meter.add(piece)
    assert meter.loudness() == pytest.approx(integrated_loudness(sound, rate), abs=0.01)
