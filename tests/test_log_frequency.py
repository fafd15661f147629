"""Log-frequency features against their definition, written down cell by cell."""

from typing import Any

import numpy as np
import pytest
import torch

from cir.audio.bands import LEVEL_FLOOR, LOUDEST, NEPERS_PER_UNIT, POWER_FLOOR, SOFTEST, BandConfig
from cir.audio.dsp import resample
from cir.audio.log_frequency import band_power, bring_to_level, log_bands
from cir.errors import CheckpointError
from cir.types import SAMPLE_RATE, FloatArray

BANDS = BandConfig()
SPLIT = BANDS.n_long_bands


def naive_power(audio: FloatArray, bands: BandConfig) -> FloatArray:
    """Frame by frame, frequency by frequency, band by band."""
    n_frames = len(audio) // bands.hop_samples
    ratio = 2 ** (1 / bands.bands_per_octave)
    centres = [bands.lowest_hz * ratio**band for band in range(bands.n_bands)]
    power = np.zeros((n_frames, bands.n_bands))
    for is_long, n in ((True, bands.long_window_samples), (False, bands.short_window_samples)):
        own = range(bands.n_long_bands) if is_long else range(bands.n_long_bands, bands.n_bands)
        times = np.arange(n)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * times / n)
        window /= np.sqrt(np.sum(window**2))
        padded = np.concatenate([np.zeros(n), audio, np.zeros(n)])
        for frame in range(n_frames):
            first = n + frame * bands.hop_samples + bands.hop_samples // 2 - n // 2
            windowed = padded[first : first + n] * window
            for k in range(n // 2 + 1):
                hz = k * SAMPLE_RATE / n
                heard = abs(np.sum(windowed * np.exp(-2j * np.pi * k * times / n))) ** 2
                for band in own:
                    distance = abs(hz - centres[band])
                    width = max(centres[band] * (ratio - 1), SAMPLE_RATE / n)
                    if distance < width:
                        power[frame, band] += (1 - distance / width) * heard
    return power.astype(np.float32)


def harmonic(hz: float, seconds: float = 0.5, n_partials: int = 8) -> FloatArray:
    """A tone that swells and fades, so that nothing clicks."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    partials = [np.sin(2 * np.pi * k * hz * time) / k for k in range(1, n_partials + 1)]
    return np.asarray(0.5 * np.sum(partials, 0) * np.hanning(len(time)), np.float32)


def noise(seed: int, n_clips: int, n_samples: int) -> torch.Tensor:
    return torch.randn(n_clips, n_samples, generator=torch.Generator().manual_seed(seed)) / 4


def levels_of(audio: FloatArray) -> FloatArray:
    return bring_to_level(log_bands(torch.from_numpy(audio)[None], BANDS))[0].numpy()


@pytest.mark.parametrize(
    "bands",
    [
        BandConfig(55.0, 4, 24, 160, 10, 512, 256),
        BandConfig(100.0, 3, 12, 320, 0, 512, 400),
        BandConfig(100.0, 3, 12, 320, 12, 400, 512),
    ],
    ids=["two windows", "short ones only", "long ones only"],
)
def test_every_cell_is_what_the_definition_says(bands: BandConfig) -> None:
    audio = noise(0, 1, 1_000)
    audio[0, :500] += torch.from_numpy(harmonic(440.0)[2_000:2_500])
    expected = naive_power(audio[0].numpy(), bands)
    np.testing.assert_allclose(band_power(audio, bands)[0].numpy(), expected, rtol=1e-4, atol=1e-5)
    levels = np.log(np.maximum(expected, POWER_FLOOR)) / NEPERS_PER_UNIT
    np.testing.assert_allclose(log_bands(audio, bands)[0].numpy(), levels, atol=1e-4)


def test_the_features_of_the_product_are_what_the_definition_says() -> None:
    audio = harmonic(220.0)[3_000:3_320]
    expected = naive_power(audio, BANDS)
    heard = band_power(torch.from_numpy(audio)[None], BANDS)[0].numpy()
    np.testing.assert_allclose(heard, expected, rtol=1e-3, atol=1e-5 * expected.max())


@pytest.mark.parametrize("n_samples", [320, 639, 640, 20_480, 20_481])
def test_there_is_a_frame_for_each_hop(n_samples: int) -> None:
    assert log_bands(noise(1, 2, n_samples), BANDS).shape == (2, n_samples // 320, 128)
    assert BANDS.clip_samples(n_samples // 320) <= n_samples


def test_a_clip_does_not_depend_on_its_batch() -> None:
    audio = noise(2, 5, 6_400)
    audio[3] *= 100
    together = log_bands(audio, BANDS)
    for number in range(5):
        assert torch.equal(together[number], log_bands(audio[number : number + 1], BANDS)[0])


def test_the_callers_waveform_stays_as_it_is() -> None:
    audio = noise(3, 1, 3_200)
    before = audio.clone()
    log_bands(audio, BANDS)
    assert torch.equal(audio, before)


@pytest.mark.parametrize("factor", [0.01, 10.0])
def test_loudness_does_not_matter(factor: float) -> None:
    hiss = 1e-3 * noise(4, 1, 8_000)[0].numpy()
    audio = np.asarray(harmonic(220.0, n_partials=20) + hiss, np.float32)
    loud, scaled = levels_of(audio), levels_of(np.asarray(factor * audio, np.float32))
    assert loud.max() == pytest.approx(LOUDEST)
    assert loud.min() >= SOFTEST
    assert (loud > SOFTEST + 0.1).mean() > 0.5  # not because all is silent
    # Of a sound that comes softly, the floor hides what is furthest below the loudest.
    heard = SOFTEST + 0.1
    np.testing.assert_allclose(scaled.clip(heard), loud.clip(heard), atol=1e-3)


def test_silence_is_at_the_floor_and_stays_finite() -> None:
    silent = log_bands(torch.zeros(1, 6_400), BANDS)
    assert torch.all(silent == LEVEL_FLOOR)
    assert torch.all(bring_to_level(silent) == LOUDEST)


def test_each_clip_is_brought_to_level_by_itself() -> None:
    levels = log_bands(torch.stack([torch.from_numpy(harmonic(hz)) for hz in (110, 900)]), BANDS)
    levels[1] -= 0.7
    brought = bring_to_level(levels)
    assert brought.amax((1, 2)).tolist() == pytest.approx([LOUDEST, LOUDEST])
    assert torch.equal(brought[1], bring_to_level(levels[1:])[0])


@pytest.mark.parametrize(("low_hz", "high_hz"), [(110.0, 220.0), (880.0, 1760.0)])
def test_an_octave_is_the_same_pattern_sixteen_bands_higher(low_hz: float, high_hz: float) -> None:
    n_partials = 3 if high_hz > 440 else 2  # all of them read from one window length
    low, high = (
        levels_of(harmonic(hz, n_partials=n_partials))[8:16].mean(0) for hz in (low_hz, high_hz)
    )
    first, last = (SPLIT, 112) if high_hz > 440 else (16, SPLIT - 16)
    shifted = high[first + 16 : last + 16]
    assert low[first:last].argmax() == shifted.argmax()
    assert np.corrcoef(low[first:last], shifted)[0, 1] > 0.95
    for other in (-3, 3):
        assert np.corrcoef(low[first:last], np.roll(shifted, other))[0, 1] < 0.8


def test_a_semitone_is_a_third_more_than_a_band() -> None:
    lowest = np.array(
        [levels_of(harmonic(880 * 2 ** (n / 12), n_partials=1)) for n in (0, 3, 6, 9)]
    )
    loudest_bands = lowest[:, 10].argmax(-1)
    assert np.diff(loudest_bands).tolist() == [4, 4, 4]


def test_nothing_above_the_bands_is_heard() -> None:
    low = harmonic(220.0)
    high = 0.9 * np.sin(2 * np.pi * 7_500 * np.arange(len(low)) / SAMPLE_RATE)
    both = low + np.asarray(high * np.hanning(len(low)), np.float32)
    np.testing.assert_allclose(levels_of(both), levels_of(low), atol=0.02)
    assert BANDS.highest_hz == pytest.approx(7_040)


def test_a_resampled_file_gives_what_a_native_one_gives() -> None:
    def partials(sample_rate: int, top_hz: float) -> FloatArray:
        time = np.arange(sample_rate) / sample_rate
        tones = [np.sin(2 * np.pi * hz * time) for hz in np.arange(310.0, top_hz, 310.0)]
        return np.asarray(0.05 * np.sum(tones, 0) * np.hanning(len(time)), np.float32)

    native = partials(SAMPLE_RATE, 7_900)
    resampled = resample(partials(44_100, 16_000), 44_100, SAMPLE_RATE)
    difference = np.abs(levels_of(resampled) - levels_of(native))
    assert difference.max() < 0.05
    assert difference.mean() < 0.005


def test_powers_of_different_notes_add_up() -> None:
    first, second = harmonic(220.0), harmonic(311.1)
    apart = sum(band_power(torch.from_numpy(one)[None], BANDS)[0] for one in (first, second))
    together = band_power(torch.from_numpy(first + second)[None], BANDS)[0]
    assert isinstance(apart, torch.Tensor)
    assert float(together.sum()) == pytest.approx(float(apart.sum()), rel=0.02)
    in_time = 10 * torch.log10(together.mean(0) / apart.mean(0))
    loud = apart.mean(0) > 1e-4 * apart.mean(0).max()
    assert float(in_time[loud].abs().median()) < 0.1
    assert float(in_time[loud].abs().quantile(0.9)) < 2.0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"lowest_hz": 0.0}, "lowest_hz must be greater than 0, got 0.0"),
        ({"bands_per_octave": -1}, "bands_per_octave must be at least 1, got -1"),
        ({"n_bands": 0}, "n_bands must be at least 1, got 0"),
        ({"hop_samples": 0}, "hop_samples must be at least 1, got 0"),
        ({"lowest_hz": float("nan")}, "lowest_hz is not finite, got nan"),
        ({"n_long_bands": 129}, "n_bands 128, got 129"),
        ({"n_long_bands": -1}, "got -1"),
        ({"short_window_samples": 300}, "got 2048 and 300"),
        ({"lowest_hz": 50.0}, "end at 12800 Hz"),
    ],
)
def test_bands_that_cannot_be_are_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CheckpointError, match=named):
        BandConfig(**change)
