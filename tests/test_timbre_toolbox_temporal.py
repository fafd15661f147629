"""Envelopes and what is read off them, on envelopes whose answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter

from cir.baselines.timbre_toolbox.temporal import (
    CUTOFF_HZ,
    ENVELOPE_RATE,
    NAMES,
    ORDER,
    decrease_slope,
    energy_envelope,
    energy_modulation,
    find_attack,
    fit_line,
    temporal_descriptors,
)
from cir.types import FloatArray

RATE = 1000
Envelope = NDArray[np.float64]


def describe(envelope: Envelope) -> dict[str, float]:
    return dict(zip(NAMES, temporal_descriptors(envelope, RATE), strict=True))


def ramp(seconds: float) -> Envelope:
    """From 0 to 1."""
    return np.linspace(0.0, 1.0, int(seconds * RATE) + 1)


def hold(seconds: float, level: float = 1.0) -> Envelope:
    return np.full(int(seconds * RATE), level)


def tone(samples: int, rate: int = 16_000) -> FloatArray:
    return np.sin(2 * np.pi * 500.0 * np.arange(samples) / rate).astype(np.float32)


def test_envelope_is_the_smoothed_amplitude_of_the_analytic_signal() -> None:
    """Against the DFT written out and the filter's difference equation."""
    sound = np.random.default_rng(0).standard_normal(480).astype(np.float32)
    turns = np.outer(np.arange(480), np.arange(480)) / 480
    spectrum = np.exp(-2j * np.pi * turns) @ sound
    spectrum[1:240] *= 2
    spectrum[241:] = 0
    amplitude = np.abs(np.exp(2j * np.pi * turns) @ spectrum / 480)
    b, a = butter(ORDER, CUTOFF_HZ, fs=16_000)
    smooth = np.zeros(480)
    for n in range(480):
        smooth[n] = sum(b[k] * amplitude[n - k] for k in range(4) if n >= k) - sum(
            a[k] * smooth[n - k] for k in range(1, 4) if n >= k
        )
    expected = smooth.reshape(30, 16).max(axis=1) / smooth.max()
    np.testing.assert_allclose(energy_envelope(sound, 16_000), expected, atol=1e-5)


def test_envelope_of_a_held_tone_rises_and_stays() -> None:
    envelope = energy_envelope(tone(32_000), 16_000)
    assert len(envelope) == 2 * ENVELOPE_RATE and envelope.max() == 1.0 and envelope.min() >= 0.0
    assert envelope[0] < 0.01
    np.testing.assert_allclose(envelope[200:], 0.95, atol=0.06)


def test_envelope_of_a_decay_is_that_decay() -> None:
    decay = np.exp(-3.0 * np.arange(32_000) / 16_000)
    sound = (tone(32_000) * decay).astype(np.float32)
    envelope = energy_envelope(sound, 16_000)
    assert decrease_slope(envelope[400:1500], ENVELOPE_RATE) == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 1.0])
def test_attack_of_a_ramp(seconds: float) -> None:
    attack = find_attack(np.concatenate([ramp(seconds), hold(1.0)]), RATE)
    assert (attack.end - attack.start) / RATE == pytest.approx(0.9 * seconds, abs=0.002)
    assert attack.slope == pytest.approx(1.0 / seconds, rel=0.02)


def test_attack_leaves_out_the_swell_before_and_the_creep_after() -> None:
    envelope = np.concatenate(
        [
            np.linspace(0.0, 0.2, 2000, endpoint=False),
            np.linspace(0.2, 0.9, 100, endpoint=False),
            np.linspace(0.9, 1.0, 1000),
        ]
    )
    attack = find_attack(envelope, RATE)
    assert (attack.start, attack.end) == (2000, 2100)
    assert find_attack(np.concatenate([np.zeros(300), envelope]), RATE).start == attack.start + 300


def test_attack_of_one_value() -> None:
    attack = find_attack(np.ones(1), RATE)
    assert attack.start == attack.end == 0 and np.isfinite(attack.slope)


@pytest.mark.parametrize("rate_per_second", [0.5, 4.0, 20.0])
def test_decrease_of_an_exponential(rate_per_second: float) -> None:
    decay = np.exp(-rate_per_second * np.arange(2000) / RATE)
    assert describe(decay)["decrease_slope"] == pytest.approx(rate_per_second, rel=1e-3)
    expected = -np.log(0.15) / rate_per_second - -np.log(0.4) / rate_per_second
    if rate_per_second > 1:  # the other one is cut before it gets there
        assert describe(decay)["release_seconds"] == pytest.approx(expected, abs=0.003)


def test_times_of_a_block() -> None:
    block = describe(np.concatenate([np.zeros(500), hold(1.0), np.zeros(700)]))
    assert block["temporal_centroid"] == pytest.approx(0.5, abs=0.002)
    assert block["effective_duration"] == pytest.approx(1.0)
    assert block["release_seconds"] == block["decrease_slope"] == block["attack_seconds"] == 0.0


def test_silence_before_a_note_is_nothing() -> None:
    note = np.concatenate([ramp(0.2), np.exp(-2.0 * np.arange(1500) / RATE)])
    late = np.concatenate([np.zeros(400), note])
    assert describe(note) == pytest.approx(describe(late))


def test_effective_duration_counts_what_is_above_the_level() -> None:
    two_notes = np.concatenate([hold(0.3), hold(0.5, 0.2), hold(0.2, 0.9)])
    assert describe(two_notes)["effective_duration"] == pytest.approx(0.5)


@pytest.mark.parametrize("frequency_hz", [2.0, 4.5, 8.0])
@pytest.mark.parametrize("depth", [0.05, 0.4])
def test_modulation_of_a_tremolo(frequency_hz: float, depth: float) -> None:
    time = np.arange(3000) / RATE
    sustain = (0.5 + 0.05 * time) * (1 + depth * np.sin(2 * np.pi * frequency_hz * time))
    measured_hz, amplitude = energy_modulation(sustain, RATE)
    assert measured_hz == pytest.approx(frequency_hz, abs=0.3)
    assert amplitude == pytest.approx(depth, rel=0.15)


@pytest.mark.parametrize(
    "sustain",
    [np.ones(150), np.ones(0), 1 + 0.3 * np.sin(2 * np.pi * 30 * np.arange(2000) / RATE)],
    ids=["short", "empty", "too fast"],
)
def test_no_modulation(sustain: Envelope) -> None:
    _, amplitude = energy_modulation(sustain, RATE)
    assert amplitude < 0.01


def test_modulation_of_sounds_with_gaps_stays_finite() -> None:
    bursts = np.tile(np.concatenate([hold(0.1), np.zeros(100)]), 10)
    measured_hz, amplitude = energy_modulation(bursts, RATE)
    assert measured_hz == pytest.approx(5.0, abs=0.3) and 0.5 < amplitude < 4.0


def test_line_equals_polyfit() -> None:
    values = np.random.default_rng(0).standard_normal(50)
    np.testing.assert_allclose(fit_line(values), np.polyfit(np.arange(50), values, 1), atol=1e-12)
    assert fit_line(np.array([3.0])) == (0.0, 3.0)
