import numpy as np
import pytest

from cir.audio.dsp import (
    SILENCE_DB,
    fade_out,
    pad_or_trim,
    peak_normalise,
    resample,
    rms_db,
    trim_tail,
)
from cir.types import FloatArray


def sine(hertz: float, seconds: float, sample_rate: int) -> FloatArray:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.sin(2 * np.pi * hertz * time).astype(np.float32)


def test_resampling_keeps_length_in_seconds_and_the_waveform() -> None:
    low = resample(sine(440, 1.0, 48_000), 48_000, 16_000)
    assert low.dtype == np.float32
    assert low.shape == (16_000,)
    inner = slice(500, -500)
    np.testing.assert_allclose(low[inner], sine(440, 1.0, 16_000)[inner], atol=1e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    low = resample(sine(12_000, 1.0, 48_000), 48_000, 16_000)
    assert rms_db(low[500:-500]) < -80


def test_equal_rates_and_empty_sounds_pass_unchanged() -> None:
    audio = sine(100, 0.1, 16_000)
    assert resample(audio, 16_000, 16_000) is audio
    assert resample(audio[:0], 16_000, 48_000).size == 0


def test_peak_normalise() -> None:
    audio = np.array([0.1, -0.5, 0.2], dtype=np.float32)
    loud = peak_normalise(audio)
    assert loud.dtype == np.float32
    np.testing.assert_allclose(loud, audio / 0.5 * 0.99, rtol=1e-6)
    assert np.max(np.abs(peak_normalise(audio * np.float32(1e-30), peak=0.5))) == pytest.approx(0.5)


def test_peak_normalise_leaves_silence_alone() -> None:
    assert not peak_normalise(np.zeros(4, np.float32)).any()
    assert peak_normalise(np.zeros(0, np.float32)).size == 0


def test_pad_or_trim() -> None:
    audio = np.array([1, 2, 3], dtype=np.float32)
    assert pad_or_trim(audio, 2).tolist() == [1, 2]
    assert pad_or_trim(audio, 3).tolist() == [1, 2, 3]
    assert pad_or_trim(audio, 5).tolist() == [1, 2, 3, 0, 0]
    assert pad_or_trim(audio, 5).dtype == np.float32


def test_fade_out_is_linear_to_zero_and_copies() -> None:
    audio = np.ones(6, dtype=np.float32)
    np.testing.assert_allclose(fade_out(audio, 4), [1, 1, 0.75, 0.5, 0.25, 0])
    assert audio.all()
    np.testing.assert_allclose(fade_out(audio[:2], 4), [0.5, 0])
    assert fade_out(audio, 0).tolist() == audio.tolist()


def test_rms_db() -> None:
    assert rms_db(sine(1_000, 1.0, 48_000)) == pytest.approx(-3.01, abs=0.01)
    assert rms_db(np.zeros(10, np.float32)) == SILENCE_DB
    assert rms_db(np.zeros(0, np.float32)) == SILENCE_DB


def test_a_tail_is_cut_where_it_has_died_away_and_faded() -> None:
    sound = np.zeros(1_000, np.float32)
    sound[:300] = 0.5
    sound[300:400] = 1e-4
    trimmed = trim_tail(sound, 1e-3, 4)
    assert trimmed.size == 300
    np.testing.assert_allclose(trimmed[-5:], [0.5, 0.375, 0.25, 0.125, 0.0])
    assert trim_tail(sound, 0.6, 4).size == sound.size
