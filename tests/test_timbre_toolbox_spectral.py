"""Shape of spectra, against naive sums in float64, librosa, and cases with a known answer."""

import math

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from cir.baselines.timbre_toolbox import spectral
from cir.baselines.timbre_toolbox.description import audible, centred_frames, power_spectra
from cir.types import FloatArray

RATE = 16_000
FFT_SAMPLES = 512
BINS_HZ = np.arange(FFT_SAMPLES // 2 + 1, dtype=np.float32) * (RATE / FFT_SAMPLES)


def spectra(sound: FloatArray) -> FloatArray:
    """Magnitudes, (F, 257)."""
    frames = centred_frames(sound, 400, 100)
    return np.sqrt(power_spectra(frames, np.hamming(400).astype(np.float32), FFT_SAMPLES))


def sine(frequency_hz: float, seconds: float = 0.5) -> FloatArray:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * frequency_hz * time).astype(np.float32)


def noise(seed: int = 0, samples: int = RATE) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def naive_shape(
    amplitudes: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    before: NDArray[np.float64] | None,
) -> list[float]:
    """`spectral.NAMES` of one frame, sum by sum as in the article."""
    total = sum(amplitudes)
    p = [a / total for a in amplitudes]
    bins = len(p)
    centroid = sum(f * share for f, share in zip(frequencies, p, strict=True))

    def moment(order: int) -> float:
        return float(
            sum((f - centroid) ** order * share for f, share in zip(frequencies, p, strict=True))
        )

    spread = math.sqrt(moment(2))
    slope = np.polyfit(frequencies / 1000.0, p, 1)[0]
    decrease = sum((p[k] - p[0]) / k for k in range(1, bins)) / sum(p[1:])
    energy = sum(share**2 for share in p)
    column = next(k for k in range(bins) if sum(s**2 for s in p[: k + 1]) >= 0.95 * energy)
    variation = 0.0
    if before is not None:
        dot = sum(a * b for a, b in zip(amplitudes, before, strict=True))
        variation = 1.0 - dot / math.hypot(*amplitudes) / math.hypot(*before)
    geometric = math.exp(sum(math.log(share) for share in p) / bins)
    return [
        centroid,
        spread,
        moment(3) / spread**3,
        moment(4) / spread**4,
        slope,
        decrease,
        frequencies[column],
        variation,
        geometric * bins,
        max(p) * bins,
    ]


@pytest.mark.parametrize("per_frame", [False, True], ids=["bins", "partials"])
def test_shape_equals_the_naive_sums(per_frame: bool) -> None:
    rng = np.random.default_rng(0)
    amplitudes = rng.exponential(size=(4, 20)).astype(np.float32)
    frequencies = np.sort(rng.uniform(50, 8000, (4, 20) if per_frame else 20)).astype(np.float32)
    rows = np.broadcast_to(frequencies, amplitudes.shape).astype(np.float64)
    wide = amplitudes.astype(np.float64)
    expected = [
        naive_shape(wide[frame], rows[frame], wide[frame - 1] if frame else None)
        for frame in range(4)
    ]
    expected[0][spectral.NAMES.index("variation")] = expected[1][spectral.NAMES.index("variation")]
    ours = spectral.spectral_shape(amplitudes, frequencies)
    assert ours.shape == (4, len(spectral.NAMES)) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_level_says_nothing() -> None:
    amplitudes = spectra(noise(samples=2000))
    loud = spectral.spectral_shape(1000 * amplitudes, BINS_HZ)
    np.testing.assert_allclose(
        loud, spectral.spectral_shape(amplitudes, BINS_HZ), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow  # librosa compiles
def test_equals_librosa_where_definitions_agree() -> None:
    sound = noise(1, 4000) + 5 * sine(1200.0, 0.25)
    magnitudes = spectra(sound)
    ours = dict(zip(spectral.NAMES, spectral.spectral_shape(magnitudes, BINS_HZ).T, strict=True))
    theirs = {
        "centroid": librosa.feature.spectral_centroid(S=magnitudes.T, sr=RATE),
        "spread": librosa.feature.spectral_bandwidth(S=magnitudes.T, sr=RATE),
        "rolloff": librosa.feature.spectral_rolloff(
            S=np.square(magnitudes.T), sr=RATE, roll_percent=spectral.ROLLOFF
        ),
        "flatness": librosa.feature.spectral_flatness(S=magnitudes.T, power=1.0),
    }
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values[0], rtol=1e-3, err_msg=name)


@pytest.mark.parametrize("frequency_hz", [440.0, 1000.0, 3300.0])
def test_power_spectrum_of_a_sine_is_a_narrow_peak_at_it(frequency_hz: float) -> None:
    power = np.square(spectra(sine(frequency_hz)))[5:-5]
    shape = spectral.spectral_shape(power, BINS_HZ)
    centroid, spread, _, _, _, _, rolloff, variation, flatness, crest = shape.T
    np.testing.assert_allclose(centroid, frequency_hz, rtol=0.02)
    np.testing.assert_allclose(rolloff, frequency_hz, atol=2 * RATE / FFT_SAMPLES)
    assert spread.max() < 60 and variation.max() < 1e-3 and flatness.max() < 0.01
    assert crest.min() > 60


def test_white_noise_is_flat_and_spread_evenly() -> None:
    centroid, spread, skewness, kurtosis, *_ = np.median(
        spectral.spectral_shape(spectra(noise()), BINS_HZ), axis=0
    )
    nyquist = RATE / 2
    np.testing.assert_allclose(centroid, nyquist / 2, rtol=0.03)
    np.testing.assert_allclose(spread, nyquist / math.sqrt(12), rtol=0.03)  # of a uniform one
    np.testing.assert_allclose([skewness, kurtosis], [0.0, 1.8], atol=0.1)
    shares = np.full((1, 10), 0.1, dtype=np.float32)
    np.testing.assert_allclose(spectral.flatness(shares), 1.0, rtol=1e-5)
    np.testing.assert_allclose(spectral.crest(shares), 1.0, rtol=1e-5)
    np.testing.assert_allclose(spectral.decrease(shares), 0.0, atol=1e-6)


def test_one_line_alone_is_neutral() -> None:
    line = np.zeros((2, 20), dtype=np.float32)
    line[:, 0] = 0.3
    frequencies = np.arange(1, 21, dtype=np.float32) * 4000
    shape = dict(zip(spectral.NAMES, spectral.spectral_shape(line, frequencies)[0], strict=True))
    assert shape["centroid"] == pytest.approx(4000)
    assert (shape["spread"], shape["skewness"], shape["kurtosis"]) == (0, 0, 1)
    assert shape["variation"] == pytest.approx(0, abs=1e-6)
    assert all(np.isfinite(value) and abs(value) < 1e4 for value in shape.values())


def test_nothing_at_all_stays_finite() -> None:
    empty = np.zeros((3, 20), dtype=np.float32)
    assert np.isfinite(spectral.spectral_shape(empty, np.arange(20, dtype=np.float32))).all()


@pytest.mark.parametrize("samples", [1, 7, 100, 101, 399])
def test_frames_are_centred(samples: int) -> None:
    sound = noise(2, samples)
    frames = centred_frames(sound, 64, 25)
    assert frames.shape == (1 + (samples - 1) // 25, 64)
    for number, frame in enumerate(frames):
        for index, value in enumerate(frame):
            position = number * 25 - 32 + index
            assert value == (sound[position] if 0 <= position < samples else 0.0)


def test_power_spectra_are_those_of_a_naive_dft() -> None:
    frames = noise(3, 3 * 30).reshape(3, 30)
    window = np.hamming(30).astype(np.float32)
    turns = np.outer(np.arange(17), np.arange(30)) / 32
    expected = np.abs((frames * window) @ np.exp(-2j * np.pi * turns).T) ** 2
    np.testing.assert_allclose(power_spectra(frames, window, 32), expected, rtol=1e-4, atol=1e-4)


def test_audible_frames_are_near_the_loudest() -> None:
    energies = np.array([1.0, 1e-5, 1e-7, 0.0], dtype=np.float32)
    assert audible(energies, 60.0).tolist() == [True, True, False, False]
    assert audible(energies, 0.0).tolist() == [True, False, False, False]
    assert audible(np.zeros(2, dtype=np.float32), 60.0).all()
