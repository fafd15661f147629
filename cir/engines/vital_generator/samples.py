"""Sounds for Vital's sample player, synthesised from recipes: noises, strings, struck bodies.

Pitched ones are tuned to `SAMPLE_HZ`, the pitch at which Vital plays a sample unchanged.
"""

import base64
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.engines.vital_generator.draws import chance, log_uniform, uniform

SAMPLE_RATE = 22_050
SAMPLE_HZ = 261.6256
"""Middle C, MIDI 60."""

_NOISE_SAMPLES = 16_384
_HIT_SAMPLES = 28_000
_STRING_SAMPLES = 44_000

Sound: TypeAlias = NDArray[np.float64]
Recipe: TypeAlias = Callable[[np.random.Generator], Sound]


def draw_sample(generator: np.random.Generator, recipe: str) -> dict[str, Any]:
    """Return a sample by the recipe of this name, in Vital's JSON."""
    return _packed(RECIPES[recipe](generator), recipe)


def is_noise(recipe: str) -> bool:
    """Whether a recipe's sound loops and has no pitch."""
    return recipe in _NOISES


@cache
def silent_sample() -> dict[str, Any]:
    """Return the sample of presets that use none; Vital reads no preset without one."""
    return _packed(np.zeros(64), "silence")


def _coloured(generator: np.random.Generator) -> Sound:
    """Noise with a slope, from rumble to hiss."""
    exponent = uniform(generator, (-1.2, 0.6))
    frequencies = np.fft.rfftfreq(_NOISE_SAMPLES) + 1e-4
    return _shaped(generator, frequencies**exponent)


def _band(generator: np.random.Generator) -> Sound:
    """Noise in one or two bands."""
    frequencies = np.fft.rfftfreq(_NOISE_SAMPLES, 1 / SAMPLE_RATE) + 1.0
    height = np.full(frequencies.size, 0.003)
    for _ in range(int(generator.integers(1, 3))):
        centre, width = log_uniform(generator, (250, 8000)), log_uniform(generator, (0.08, 0.8))
        height += np.exp(-((np.log(frequencies / centre) / width) ** 2))
    return _shaped(generator, height)


def _crackle(generator: np.random.Generator) -> Sound:
    """Single clicks, rare or dense."""
    density = log_uniform(generator, (0.002, 0.08))
    clicks = generator.normal(size=_NOISE_SAMPLES) * (generator.random(_NOISE_SAMPLES) < density)
    return np.convolve(clicks, np.exp(-np.arange(40) / uniform(generator, (2, 12))), "same")


def _metal_wash(generator: np.random.Generator) -> Sound:
    """Many square waves out of tune with one another, as in cymbals of drum machines."""
    time = np.arange(_NOISE_SAMPLES) / SAMPLE_RATE
    cycles = _NOISE_SAMPLES / SAMPLE_RATE
    hertz = log_uniform(generator, (150, 900)) * generator.uniform(1.0, 4.5, 6)
    whole = np.round(hertz * cycles) / cycles  # so that it loops without a click
    return np.asarray(np.sign(np.sin(2 * np.pi * whole[:, None] * time)).sum(0), dtype=np.float64)


def _pluck(generator: np.random.Generator) -> Sound:
    """A plucked string: Karplus and Strong (1983) as its partials."""
    return _partials(
        generator,
        stiffness=log_uniform(generator, (1e-5, 6e-4)),
        slope=uniform(generator, (0.5, 1.6)),
        decay_seconds=log_uniform(generator, (0.25, 2.5)),
        damping=uniform(generator, (0.3, 1.2)),
        position=uniform(generator, (0.06, 0.5)),
    )


def _hammered(generator: np.random.Generator) -> Sound:
    """A struck string, duller and stiffer than a plucked one, with a knock."""
    tone = _partials(
        generator,
        stiffness=log_uniform(generator, (1e-4, 2e-3)),
        slope=uniform(generator, (1.0, 2.2)),
        decay_seconds=log_uniform(generator, (0.5, 3.0)),
        damping=uniform(generator, (0.4, 1.0)),
        position=uniform(generator, (0.1, 0.15)),
    )
    knock = generator.normal(size=tone.size) * np.exp(-np.arange(tone.size) / 120.0)
    return _full(tone) + uniform(generator, (0.0, 0.3)) * _full(knock)


def _struck(generator: np.random.Generator) -> Sound:
    """A struck bar, bell, plate or skin: decaying modes, each family with its own ratios."""
    order = np.arange(1, 15, dtype=np.float64)
    ratios = {
        "bar": ((2 * order + 1) / 3.0) ** 2,
        "tuned bar": np.concatenate([[1, 4, 9.9], 16 + 9 * np.arange(11) ** 1.2]),
        "bell": np.array([0.5, 1, 1.18, 1.5, 2, 2.5, 2.7, 3, 3.7, 4.2, 5.3, 6.3, 7.4, 8.6]),
        "skin": np.array(
            [1, 1.59, 2.14, 2.3, 2.65, 2.92, 3.16, 3.5, 3.6, 3.65, 4.06, 4.15, 4.6, 5]
        ),
        "plate": 1 + np.cumsum(generator.uniform(0.1, 0.9, 14)) - 0.1,
        "tube": order ** uniform(generator, (0.9, 1.3)),
    }
    names = list(ratios)
    ratio = ratios[names[int(generator.integers(len(names)))]]
    ratio = ratio / ratio[0 if ratio[0] >= 1 else 1] * generator.normal(1.0, 0.01, ratio.size)
    longest = log_uniform(generator, (0.03, 1.2))
    decay = longest / (1 + uniform(generator, (0.1, 1.5)) * (ratio - ratio.min()))
    height = generator.gamma(2.0, size=ratio.size) / ratio ** uniform(generator, (0.2, 1.8))
    tone = _modes(generator, ratio * SAMPLE_HZ, height, decay)
    contact = generator.normal(size=tone.size) * np.exp(
        -np.arange(tone.size) / SAMPLE_RATE / log_uniform(generator, (0.002, 0.06))
    )
    share = uniform(generator, (0.0, 0.6)) * chance(generator, 0.7)
    return _full(tone) + share * _full(contact)


def _burst(generator: np.random.Generator) -> Sound:
    """Noise that dies away, once or several times as hands clapping."""
    time = np.arange(_HIT_SAMPLES) / SAMPLE_RATE
    decay = log_uniform(generator, (0.01, 0.25))
    shape = np.exp(-time / decay)
    if chance(generator, 0.3):
        gap = uniform(generator, (0.008, 0.03))
        for index in range(1, int(generator.integers(2, 5))):
            later = time - index * gap
            shape += np.where(later >= 0, np.exp(-np.abs(later) / decay), 0.0)
    recipe = _band if chance(generator, 0.5) else _coloured
    noise = np.tile(recipe(generator), 2)[:_HIT_SAMPLES]
    return noise * shape


RECIPES: dict[str, Recipe] = {
    "coloured": _coloured,
    "band": _band,
    "crackle": _crackle,
    "metal": _metal_wash,
    "pluck": _pluck,
    "hammered": _hammered,
    "struck": _struck,
    "burst": _burst,
}
_NOISES = frozenset({"coloured", "band", "crackle", "metal"})


def _shaped(generator: np.random.Generator, height: NDArray[np.floating]) -> Sound:
    """Noise with this magnitude spectrum, which loops without a click."""
    phases = np.exp(2j * np.pi * generator.random(height.size))
    return np.asarray(np.fft.irfft(height * phases * generator.rayleigh(size=height.size)))


def _partials(
    generator: np.random.Generator,
    *,
    stiffness: float,
    slope: float,
    decay_seconds: float,
    damping: float,
    position: float,
) -> Sound:
    """A string's partials, stretched by its stiffness; higher ones decay sooner."""
    order = np.arange(1, 41, dtype=np.float64)
    hertz = SAMPLE_HZ * order * np.sqrt(1 + stiffness * order**2)
    height = np.abs(np.sin(np.pi * order * position)) / order**slope + 1e-4
    return _modes(generator, hertz, height, decay_seconds / order**damping, _STRING_SAMPLES)


def _modes(
    generator: np.random.Generator,
    hertz: NDArray[np.float64],
    height: NDArray[np.float64],
    decay_seconds: NDArray[np.float64],
    n_samples: int = _HIT_SAMPLES,
) -> Sound:
    """Decaying sines; those above half the sample rate are left out."""
    time = np.arange(n_samples) / SAMPLE_RATE
    sound = np.zeros(n_samples)
    heard = hertz < 0.45 * SAMPLE_RATE
    for one, gain, decay in zip(hertz[heard], height[heard], decay_seconds[heard], strict=True):
        phase = generator.uniform(0, 2 * np.pi)
        sound += gain * np.exp(-time / decay) * np.sin(2 * np.pi * one * time + phase)
    sound[-400:] *= np.linspace(1.0, 0.0, 400)
    return sound


def _full(sound: Sound) -> Sound:
    """Scale a sound to a peak of 1; silence stays silent."""
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-9), dtype=np.float64)


def _packed(sound: Sound, name: str) -> dict[str, Any]:
    values = np.round(_full(sound) * 32_000).astype("<i2")
    return {
        "length": int(values.size),
        "name": name,
        "sample_rate": SAMPLE_RATE,
        "samples": base64.b64encode(values.tobytes()).decode("ascii"),
    }
