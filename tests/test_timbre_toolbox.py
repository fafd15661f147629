"""The Timbre Toolbox as a whole; test_descriptors.py has what it shares with other encoders."""

import numpy as np
import pytest
import torch

from cir.baselines.timbre_toolbox.description import NAMES, TimbreToolboxEncoder, describe, to_scale
from cir.baselines.timbre_toolbox.spectral import variation
from cir.errors import InputError
from cir.types import FloatArray
from tests.plucks import RATE, pluck


def note(
    frequency_hz: float = 220.0, *, partials: int = 12, seconds: float = 1.0, rate: int = RATE
) -> FloatArray:
    """A decaying tone; more partials are brighter."""
    time = np.arange(int(seconds * rate)) / rate
    sound = sum(
        np.sin(2 * np.pi * frequency_hz * k * time) / k for k in range(1, partials + 1)
    ) * np.exp(-2 * time)
    return np.asarray(sound / np.abs(sound).max(), dtype=np.float32)


def noise(seconds: float = 0.5) -> FloatArray:
    samples = int(seconds * RATE)
    return np.random.default_rng(0).standard_normal(samples).astype(np.float32)


def click(samples: int, at: int = 0) -> FloatArray:
    sound = np.zeros(samples, dtype=np.float32)
    sound[at] = 1.0
    return sound


def named(sound: FloatArray, rate: int = RATE) -> dict[str, float]:
    return dict(zip(NAMES, describe(sound, rate).tolist(), strict=True))


def test_names_are_unique_and_speak_of_neither_pitch_nor_level() -> None:
    assert len(set(NAMES)) == len(NAMES) == TimbreToolboxEncoder.descriptors == 78
    assert not [name for name in NAMES if "fundamental" in name or "energy" in name]


ODD_SOUNDS = {
    "10 ms": noise(0.01),
    "10 ms of a tone": note(seconds=0.01),
    "one sample": np.ones(1, dtype=np.float32),
    "two samples": np.array([0.0, -0.1], dtype=np.float32),
    "click": click(RATE // 4),
    "late click": click(RATE // 4, at=RATE // 4 - 1),
    "constant": np.full(RATE // 4, 0.5, dtype=np.float32),
    "highest frequency": np.tile(np.array([1, -1], dtype=np.float32), RATE // 8),
    "noise": noise(),
    "faintest": click(100) * np.float32(1e-38),
    "clipped": np.sign(note()),
    "long silence after": np.concatenate([note(seconds=0.2), np.zeros(RATE, dtype=np.float32)]),
    "sine of 5 kHz": note(5000.0, partials=1, seconds=0.3),
    "sine of 30 Hz": note(30.0, partials=1, seconds=0.3),
}


def test_frames_are_compared_where_subnormal_numbers_are_zero() -> None:
    """Other libraries of a process may have asked the processor for it."""
    shares = np.zeros((3, 4), np.float32)
    shares[0, 0] = 1.0
    was_set = torch.set_flush_denormal(True)
    try:
        changes = variation(shares)
    finally:
        torch.set_flush_denormal(False)
    assert was_set
    np.testing.assert_array_equal(changes, [1.0, 1.0, 1.0])


@pytest.mark.parametrize("name", ODD_SOUNDS)
def test_every_sound_has_a_finite_description(name: str) -> None:
    described = describe(ODD_SOUNDS[name], RATE)
    assert described.shape == (len(NAMES),) and described.dtype == np.float32
    assert np.isfinite(described).all() and np.abs(described).max() < 1e4


def test_odd_sounds_have_embeddings_too() -> None:
    encoder = TimbreToolboxEncoder.fit([note(), noise(), pluck(0), click(1000)], RATE)
    embeddings = encoder.embed(list(ODD_SOUNDS.values()), RATE)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)


def test_the_same_sound_has_the_same_description() -> None:
    np.testing.assert_array_equal(describe(note(), RATE), describe(note().copy(), RATE))


@pytest.mark.parametrize("gain", [1e-6, 0.3, -1.0, 20.0])
def test_level_and_sign_say_nothing(gain: float) -> None:
    np.testing.assert_allclose(
        describe(np.float32(gain) * note(), RATE), describe(note(), RATE), atol=5e-3
    )


def test_a_late_note_sounds_the_same() -> None:
    late = named(np.concatenate([np.zeros(RATE // 2, dtype=np.float32), note()]))
    for name, value in named(note()).items():
        if "median" in name or name.startswith("envelope"):
            assert late[name] == pytest.approx(value, abs=0.05), name


def test_descriptors_follow_what_they_are_named_after() -> None:
    dull, bright, hiss = named(note(partials=3)), named(note(partials=30)), named(noise())
    for which in ("magnitude", "power", "partials"):
        assert bright[f"{which} centroid, median"] > dull[f"{which} centroid, median"]
    assert hiss["magnitude flatness, median"] > bright["magnitude flatness, median"]
    assert hiss["harmonic noisiness, median"] > bright["harmonic noisiness, median"] + 0.5
    assert dull["harmonic tristimulus_1, median"] > bright["harmonic tristimulus_1, median"]
    assert (
        named(note(seconds=0.2))["envelope effective_duration"]
        < (named(note())["envelope effective_duration"])
    )


def test_spread_over_time_is_the_range() -> None:
    steady = named(np.tile(note(400.0)[:40], 400))
    sweep = np.arange(RATE) / RATE
    moving = named(np.sin(2 * np.pi * (200 * sweep + 1500 * sweep**2)).astype(np.float32))
    name = "power centroid, interquartile range"
    assert steady[name] < 0.01 < 0.2 < moving[name]


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_other_sample_rates(rate: int) -> None:
    resampled, native = named(note(rate=rate), rate), named(note())
    for name in NAMES:
        if name.startswith(("envelope", "harmonic", "partials")) and "range" not in name:
            assert resampled[name] == pytest.approx(native[name], abs=0.1), name


def test_silence_is_refused() -> None:
    with pytest.raises(InputError, match="silent"):
        describe(np.zeros(RATE, dtype=np.float32), RATE)


def test_logarithms_have_a_floor() -> None:
    names = ("skewness", "centroid", "attack_seconds")
    values = np.array([[-2.0, 100.0, 0.0], [3.0, 0.0, 1.0]], dtype=np.float32)
    np.testing.assert_allclose(to_scale(values, names), [[-2, 2, -3], [3, 0, 0]], atol=1e-6)
    assert values[0, 1] == 100.0  # the argument stays
