"""Effects on the mix: each against what it means in the time domain or to a codec's own file."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from cir.mixtures.codec import CODECS, through_codec
from cir.mixtures.effects import EQUALISER_HZ, add_noise, apply_effects, apply_linear
from cir.mixtures.plan import DRY, CodecPlan, EffectsPlan, NoisePlan, ReverbPlan
from cir.types import FloatArray

SAMPLE_RATE = 16_000
N_SAMPLES = SAMPLE_RATE
ROOM = ReverbPlan(decay_seconds=0.4, wet_db=-10.0, offset=123_456)
HISS = NoisePlan(level_db=-30.0, tilt_db=-3.0, offset=2**20 - 50)
CURVE = (0.0, 6.0, -6.0, 3.0, -9.0)
PLANS = {
    "dry": DRY,
    "equaliser": EffectsPlan(equaliser_db=CURVE),
    "reverb": EffectsPlan(reverb=ROOM),
    "noise": EffectsPlan(noise=HISS),
    "codec": EffectsPlan(codec=CodecPlan("vorbis", 0.5)),
    "all": EffectsPlan(CURVE, ROOM, HISS, CodecPlan("mp3", 0.5)),
}


@pytest.fixture(scope="module")
def chord() -> FloatArray:
    """Tones between 100 Hz and 6 kHz, peak 0.99."""
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    tones = [np.sin(2 * np.pi * hz * time) for hz in (100, 450, 1000, 2500, 6000)]
    sound = sum(tones) * np.exp(-3 * time)
    return np.asarray(0.99 * sound / np.abs(sound).max(), np.float32)


def linear(sound: FloatArray, plan: EffectsPlan) -> FloatArray:
    result: FloatArray = apply_linear(torch.from_numpy(sound), plan).numpy()
    return result


@pytest.mark.parametrize("name", PLANS)
def test_effects_change_the_sound_but_not_its_length_and_peak(name: str, chord: FloatArray) -> None:
    sound = apply_effects(chord, PLANS[name])
    np.testing.assert_array_equal(sound, apply_effects(chord, PLANS[name]))
    assert np.isfinite(sound).all() and sound.shape == chord.shape
    assert np.abs(sound).max() == pytest.approx(0.99, abs=1e-5)
    assert np.array_equal(sound, chord) == (name == "dry")


@pytest.mark.parametrize(("hz", "gain_db"), list(zip(EQUALISER_HZ[:-1], CURVE[:-1], strict=True)))
def test_the_equaliser_moves_a_tone_by_its_gain(hz: float, gain_db: float) -> None:
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    probe = 0.1 * np.sin(2 * np.pi * hz * time).astype(np.float32)
    probe[0] = 0.9  # keeps the common scale known: an impulse beside the tone
    shaped = linear(probe, EffectsPlan(equaliser_db=CURVE))
    inner = slice(4_000, 12_000)
    ratio = np.abs(np.fft.rfft(shaped[inner])).max() / np.abs(np.fft.rfft(probe[inner])).max()
    assert 20 * np.log10(ratio) == pytest.approx(gain_db, abs=0.2)


def test_reverb_is_a_convolution_with_decaying_noise(chord: FloatArray) -> None:
    impulse = np.zeros(N_SAMPLES, np.float32)
    impulse[0] = 1
    response = linear(impulse, EffectsPlan(reverb=ROOM))
    assert response[0] == pytest.approx(1, abs=1e-5)
    assert_allclose(response[1:80], 0, atol=1e-5)
    tail = response[80:].astype(np.float64)
    assert 10 * np.log10(np.square(tail).sum()) == pytest.approx(ROOM.wet_db, abs=0.05)
    early, late = np.square(tail[:1_600]).mean(), np.square(tail[3_200:4_800]).mean()
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.2 / ROOM.decay_seconds, abs=3)
    wet = linear(chord, EffectsPlan(reverb=ROOM))
    assert_allclose(wet, np.convolve(chord, response)[:N_SAMPLES], atol=1e-4)


def test_noise_has_its_level_and_its_slope(chord: FloatArray) -> None:
    noisy = add_noise(torch.from_numpy(chord), HISS).numpy()
    noise = (noisy - chord).astype(np.float64)
    level = np.square(noise).mean() / np.square(chord, dtype=np.float64).mean()
    assert 10 * np.log10(level) == pytest.approx(HISS.level_db, abs=0.05)
    power = np.square(np.abs(np.fft.rfft(noise)))  # 1 Hz a bin
    octaves = [power[hz : 2 * hz].mean() for hz in (250, 500, 1000, 2000, 4000)]
    slope = np.diff(10 * np.log10(octaves)).mean()
    assert slope == pytest.approx(HISS.tilt_db, abs=0.5)


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_loses_something_but_neither_length_nor_time(name: str, chord: FloatArray) -> None:
    low, high = (through_codec(chord, name, level) for level in CODECS[name].compression)
    for coded in (low, high):
        assert coded.shape == chord.shape and np.isfinite(coded).all()
    errors = [np.square(coded - chord).mean() / np.square(chord).mean() for coded in (low, high)]
    assert 0 < errors[0] < 0.1 and errors[0] < errors[1]
    np.testing.assert_array_equal(low, through_codec(chord, name, CODECS[name].compression[0]))


def test_silence_stays_silent() -> None:
    silence = np.zeros(N_SAMPLES, np.float32)
    for name in ("equaliser", "reverb", "noise"):
        np.testing.assert_array_equal(apply_effects(silence, PLANS[name]), silence)
