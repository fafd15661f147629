"""Fundamentals, partials and what is said of them, on tones that are built from known partials."""

from collections.abc import Sequence

import numpy as np
import pytest

from cir.baselines.timbre_toolbox import harmonic
from cir.baselines.timbre_toolbox.description import power_spectra
from cir.baselines.timbre_toolbox.harmonic import (
    LOWEST_HZ,
    PARTIALS,
    Partials,
    find_partials,
    fundamental,
    normalised_autocorrelation,
)
from cir.types import FloatArray

RATE = 16_000
FRAME = 1600
FFT_SAMPLES = 2048
WINDOW = np.blackman(FRAME).astype(np.float32)


def tone(
    fundamental_hz: float, amplitudes: Sequence[float], *, stretch: float = 0.0, frames: int = 3
) -> FloatArray:
    """Frames (F, 1600) of partials; partial k lies at k (1 + stretch k^2) times the fundamental."""
    time = np.arange(frames * FRAME) / RATE
    rng = np.random.default_rng(0)
    sound = np.zeros(frames * FRAME)
    for number, amplitude in enumerate(amplitudes, start=1):
        frequency = fundamental_hz * number * (1 + stretch * number**2)
        if frequency < RATE / 2:
            phase = rng.uniform(0, 2 * np.pi)
            sound += amplitude * np.sin(2 * np.pi * frequency * time + phase)
    return sound.astype(np.float32).reshape(frames, FRAME)


def noise(frames: int = 20) -> FloatArray:
    return np.random.default_rng(1).standard_normal((frames, FRAME)).astype(np.float32)


def partials_of(frames: FloatArray, fundamental_hz: float) -> Partials:
    magnitudes = np.sqrt(power_spectra(frames, WINDOW, FFT_SAMPLES)) * (2 / WINDOW.sum())
    fundamentals = np.full(len(frames), fundamental_hz, dtype=np.float32)
    return find_partials(magnitudes, fundamentals, RATE / FFT_SAMPLES)


def described(frames: FloatArray, fundamental_hz: float) -> dict[str, float]:
    energies = np.square(frames * WINDOW).sum(axis=1) / np.square(WINDOW).sum()
    values = harmonic.harmonic_descriptors(partials_of(frames, fundamental_hz), energies)
    assert values.shape == (len(frames), len(harmonic.NAMES)) and values.dtype == np.float32
    return dict(zip(harmonic.NAMES, np.median(values, axis=0).tolist(), strict=True))


SAWTOOTH = [1 / k for k in range(1, 41)]
SQUARE = [1 / k if k % 2 else 0.0 for k in range(1, 41)]


def test_autocorrelation_equals_the_naive_sums() -> None:
    frames = noise(2)[:, :50]
    ours = normalised_autocorrelation(frames, 40)
    for frame, row in zip(frames.astype(np.float64), ours, strict=True):
        for lag in range(40):
            head, tail = frame[: 50 - lag], frame[lag:]
            expected = 2 * sum(head * tail) / (sum(head**2) + sum(tail**2))
            assert row[lag] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("frequency_hz", [32.7, 55.0, 110.3, 440.0, 987.8, 1760.0])
@pytest.mark.parametrize("amplitudes", [[1.0], SAWTOOTH, SQUARE], ids=["sine", "saw", "square"])
def test_fundamental_of_a_tone(frequency_hz: float, amplitudes: list[float]) -> None:
    fundamentals = fundamental(tone(frequency_hz, amplitudes), RATE)
    assert fundamentals.shape == (3,) and fundamentals.dtype == np.float32
    np.testing.assert_allclose(fundamentals, frequency_hz, rtol=0.01)


def test_fundamental_may_be_missing() -> None:
    fundamentals = fundamental(tone(150.0, [0, 0, 1, 1, 1, 1]), RATE)
    np.testing.assert_allclose(fundamentals, 150.0, rtol=0.01)


@pytest.mark.parametrize(
    "frames",
    [np.zeros((2, FRAME)), np.ones((2, FRAME)), np.eye(2, FRAME)],
    ids=["silence", "constant", "click"],
)
def test_what_has_no_period(frames: FloatArray) -> None:
    assert fundamental(frames.astype(np.float32), RATE).tolist() == [LOWEST_HZ] * 2


@pytest.mark.parametrize("frequency_hz", [82.4, 220.0, 523.3])
def test_partials_have_their_amplitudes_and_frequencies(frequency_hz: float) -> None:
    amplitudes = np.random.default_rng(2).uniform(0.2, 1.0, PARTIALS)
    partials = partials_of(tone(frequency_hz, amplitudes.tolist()), frequency_hz)
    below = partials.multiples < RATE / 2 - 40
    expected = np.where(below, amplitudes, 0.0)
    np.testing.assert_allclose(partials.amplitudes, expected, atol=0.03)
    np.testing.assert_allclose(partials.frequencies[below], partials.multiples[below], atol=1.0)


def test_partials_are_found_beside_their_multiples() -> None:
    partials = partials_of(tone(200.0, [1.0] * 10, stretch=2e-4), 200.0)
    numbers = np.arange(1, 11)
    expected = 200.0 * numbers * (1 + 2e-4 * numbers**2)
    np.testing.assert_allclose(partials.frequencies[0, :10], expected, atol=1.0)
    np.testing.assert_allclose(partials.amplitudes[0, :10], 1.0, atol=0.03)


def test_tristimulus_of_a_sawtooth() -> None:
    values = described(tone(220.0, SAWTOOTH), 220.0)
    total = sum(SAWTOOTH[:PARTIALS])
    assert values["tristimulus_1"] == pytest.approx(1 / total, rel=0.02)
    assert values["tristimulus_2"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / total, rel=0.02)
    assert values["tristimulus_3"] == pytest.approx(sum(SAWTOOTH[4:20]) / total, rel=0.02)


def test_odd_to_even() -> None:
    saw = described(tone(220.0, SAWTOOTH), 220.0)["odd_to_even"]
    odd, even = (sum(SAWTOOTH[k] ** 2 for k in range(first, 20, 2)) for first in (0, 1))
    assert saw == pytest.approx(np.log10(odd / even), abs=0.02)
    assert described(tone(220.0, SQUARE), 220.0)["odd_to_even"] > 3.5
    assert described(tone(220.0, [0.0, 1.0]), 220.0)["odd_to_even"] < -3.5


def test_deviation_from_a_smooth_envelope() -> None:
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.ones(PARTIALS), size=2).astype(np.float32)
    expected = [
        sum(abs(row[k] - (row[k - 1] + row[k] + row[k + 1]) / 3) for k in range(1, PARTIALS - 1))
        / PARTIALS
        for row in shares
    ]
    np.testing.assert_allclose(harmonic.deviation(shares), expected, rtol=1e-4)
    straight = np.linspace(2.0, 1.0, PARTIALS, dtype=np.float32)[None]
    np.testing.assert_allclose(harmonic.deviation(straight), 0.0, atol=1e-6)


def test_inharmonicity_is_the_weighted_distance() -> None:
    assert described(tone(200.0, SAWTOOTH), 200.0)["inharmonicity"] < 0.01
    stretched = described(tone(200.0, [1.0, 1.0, 1.0], stretch=2e-3), 200.0)["inharmonicity"]
    distances = [200.0 * 2e-3 * k**3 for k in (1, 2, 3)]
    assert stretched == pytest.approx(2 / 200.0 * np.mean(distances), rel=0.05)


def test_noisiness_is_the_share_of_the_rest() -> None:
    pure = tone(200.0, [1.0, 0.5, 0.25], frames=20)
    assert described(pure, 200.0)["noisiness"] < 0.02
    energy = (1.0 + 0.25 + 0.0625) / 2
    mixed = described(pure + np.float32(np.sqrt(energy)) * noise(), 200.0)["noisiness"]
    assert mixed == pytest.approx(0.5, abs=0.1)
    assert described(noise(), 200.0)["noisiness"] > 0.6


def test_nothing_at_all_stays_finite() -> None:
    silence = np.zeros((2, FRAME), dtype=np.float32)
    assert np.isfinite(list(described(silence, LOWEST_HZ).values())).all()
