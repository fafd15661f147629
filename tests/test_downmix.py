"""Channels become one, and nothing that any of them plays is lost."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import fftconvolve

from cir.audio.downmix import Downmix, downmix, fold
from cir.types import FloatArray

RATE = 16_000
SECONDS = 4.0


def tone(hz: float, level: float = 0.3, seconds: float = SECONDS) -> FloatArray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def noise(seed: int, level: float = 0.1, seconds: float = SECONDS) -> FloatArray:
    generator = np.random.default_rng(seed)
    return (level * generator.standard_normal(round(seconds * RATE))).astype(np.float32)


def level_db(sound: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-30))


def level_at(sound: FloatArray, hz: float) -> float:
    """Amplitude of a partial."""
    time = np.arange(len(sound)) / RATE
    window = np.hanning(len(sound))
    return float(2 * abs((sound * window) @ np.exp(-2j * np.pi * hz * time)) / window.sum())


@pytest.mark.parametrize("n_channels", [1, 2, 6, 8])
def test_equal_channels_stay_what_they_are_to_the_bit(n_channels: int) -> None:
    sound = noise(0)
    np.testing.assert_array_equal(downmix(np.stack([sound] * n_channels, axis=1), RATE), sound)


@pytest.mark.parametrize("right", [-1.0, -0.9, -1.1])
def test_an_inverted_channel_is_heard_as_loud_as_the_other(right: float) -> None:
    sound = noise(0) + tone(220)
    mixed = downmix(np.stack([sound, np.float32(right) * sound], axis=1), RATE)
    assert level_db(mixed) == pytest.approx(level_db(sound), abs=1.0)
    assert np.corrcoef(mixed, sound)[0, 1] > 0.999


def test_a_wide_part_of_a_mix_in_opposite_phase_is_heard() -> None:
    middle, wide = tone(330) + tone(1_870), tone(220) + tone(3_000, level=0.1)
    mixed = downmix(np.stack([middle + wide, middle - wide], axis=1), RATE)
    for hz, level in ((330, 0.3), (1_870, 0.3), (220, 0.3), (3_000, 0.1)):
        assert level_at(mixed, hz) == pytest.approx(level, rel=0.06)


def test_bursts_in_opposite_phase_are_heard_between_those_in_phase() -> None:
    middle, wide = noise(1), noise(2)
    turns = (np.arange(len(middle)) // 6_400) % 2  # 400 ms each
    middle, wide = middle * (1 - turns), wide * turns
    mixed = downmix(np.stack([middle + wide, middle - wide], axis=1).astype(np.float32), RATE)
    assert level_db(mixed) == pytest.approx(level_db(middle + wide), abs=1.0)


def ordinary_stereo(kind: str) -> FloatArray:
    low, high = noise(1) + tone(220), noise(2) + tone(1_760)
    if kind == "panned":
        return np.stack([0.9 * low + 0.3 * high, 0.4 * low + 0.8 * high], axis=1)
    if kind == "hard left and right":
        return np.stack([low, high], axis=1)
    if kind == "one side":
        return np.stack([low, 0 * low], axis=1)
    if kind == "unrelated noise":
        return np.stack([noise(3), noise(4)], axis=1)
    fading = np.exp(-np.arange(RATE) / 3_000)
    rooms = [fftconvolve(low + high, noise(seed, seconds=1.0) * fading) for seed in (5, 6)]
    wet = np.stack([0.1 * room[: len(low)] for room in rooms], axis=1)
    return (wet + (low + high)[:, None]).astype(np.float32)


@pytest.mark.parametrize(
    "kind", ["panned", "hard left and right", "one side", "unrelated noise", "in a room"]
)
def test_ordinary_stereo_is_averaged(kind: str) -> None:
    stereo = ordinary_stereo(kind)
    mean, mixed = stereo.mean(axis=1), downmix(stereo, RATE)
    assert level_db(mixed) == pytest.approx(level_db(mean), abs=0.1)
    assert level_db(mixed - mean) < level_db(mean) - 30


@pytest.mark.parametrize(
    "signs", [(1, -1, 1, -1, 1, -1), (1, 1, 1, -1, -1, -1), (0, 0, 1, -1, 0, 0)]
)
def test_nothing_cancels_among_many_channels(signs: tuple[int, ...]) -> None:
    sound = noise(0)
    channels = np.stack([sign * sound for sign in signs], axis=1).astype(np.float32)
    in_phase = np.abs(channels).mean() / np.abs(sound).mean()
    mixed = downmix(channels, RATE)
    assert level_db(mixed) == pytest.approx(level_db(sound * in_phase), abs=0.5)


def test_more_than_eight_channels_keep_their_mean() -> None:
    channels = np.stack([noise(seed, seconds=0.1) for seed in range(19)], axis=1)
    folded = fold(channels)
    assert folded.shape[1] == 8
    np.testing.assert_allclose(folded.mean(axis=1), channels.mean(axis=1), atol=1e-7)


def test_blocks_of_any_size_give_the_same_as_all_at_once() -> None:
    wide = noise(1, seconds=40.0)
    stereo = np.stack([wide + noise(2, seconds=40.0), noise(3, seconds=40.0) - wide], axis=1)
    whole = downmix(stereo, RATE)
    cuts = [0, 1, 5_000, 5_001, 200_000, 399_999, len(stereo)]
    stream = Downmix(RATE)
    parts = [stream.add(stereo[start:end]) for start, end in pairwise(cuts)]
    parts.append(stream.add(stereo[:0], last=True))
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert len(whole) == len(stereo)
