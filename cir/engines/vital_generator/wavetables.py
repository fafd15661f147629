"""Waveforms for Vital's oscillators, synthesised from recipes.

A recipe draws the frames of a table; each frame is a period of a waveform, given by its harmonics.
"""

import base64
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cir.engines.vital_generator.draws import chance, log_uniform, uniform
from cir.types import FloatArray

FRAME_SAMPLES = 2048
LAST_POSITION = 16
"""Position of a table's last keyframe. Vital computes all frames up to it: 256 load ten times as
slowly and sound no smoother."""

_HARMONICS = 256
_K = np.arange(1, _HARMONICS + 1, dtype=np.float64)

Spectrum: TypeAlias = NDArray[np.complex128]
Recipe: TypeAlias = Callable[[np.random.Generator, int], list[FloatArray]]


def draw_table(generator: np.random.Generator, recipe: str) -> dict[str, Any]:
    """Return a wavetable by the recipe of this name, in Vital's JSON."""
    n_frames = int(generator.choice((1, 2, 3, 4), p=(0.25, 0.35, 0.2, 0.2)))
    return _table(RECIPES[recipe](generator, n_frames), recipe)


@cache
def sine_table() -> dict[str, Any]:
    """The simplest wavetable."""
    return _table([_wave(_sines((_K == 1).astype(np.float64)))], "sine")


def _analog(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Between the classic shapes: sine, triangle, square, saw."""
    shapes = [
        _K == 1,
        np.where(_K % 2 == 1, 1 / _K**2, 0.0) * np.where(_K % 4 == 1, 1, -1),
        np.where(_K % 2 == 1, 1 / _K, 0.0),
        1 / _K,
    ]
    frames = []
    for _ in range(n_frames):
        shares = generator.dirichlet((0.3, 0.4, 0.5, 0.8))
        mixed = sum(share * shape for share, shape in zip(shares, shapes, strict=True))
        frames.append(_wave(_sines(np.asarray(mixed, dtype=np.float64))))
    return frames


def _pulse(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Pulses of changing width."""
    first, last = uniform(generator, (0.04, 0.5)), uniform(generator, (0.04, 0.5))
    widths = np.linspace(first, last, n_frames)
    return [_wave(np.asarray(np.sin(np.pi * _K * w) / _K, dtype=np.complex128)) for w in widths]


def _additive(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Random harmonics along a slope; sometimes few, or only every n-th."""
    kept = generator.random(_HARMONICS) < uniform(generator, (0.15, 1.0))
    kept[0] = True
    if chance(generator, 0.35):
        kept &= (_K % int(generator.integers(2, 4)) == 1) | (_K == 1)
    phases = generator.uniform(0, 2 * np.pi, _HARMONICS) * chance(generator, 0.5)
    frames = []
    for _ in range(n_frames):
        slope = uniform(generator, (0.4, 2.6))
        heights = generator.gamma(uniform(generator, (0.6, 4.0)), size=_HARMONICS)
        frames.append(_wave(_sines(kept * heights / _K**slope, phases)))
    return frames


def _formant(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """A buzz through moving resonances, as of a mouth."""
    base = log_uniform(generator, (90.0, 450.0))
    slope = uniform(generator, (0.5, 1.4))
    frames = []
    for _ in range(n_frames):
        first = log_uniform(generator, (250.0, 900.0))
        second = first + log_uniform(generator, (300.0, 1700.0))
        third = second + log_uniform(generator, (500.0, 1500.0))
        height = np.full(_HARMONICS, 0.02)
        for centre, gain in ((first, 1.0), (second, 0.6), (third, 0.3)):
            width = log_uniform(generator, (50.0, 160.0)) + 0.03 * centre
            height += gain / (1 + ((_K * base - centre) / width) ** 2)
        frames.append(_wave(_sines(height / _K**slope)))
    return frames


def _drawbars(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """The nine drawbars of a tonewheel organ, the lowest an octave below the rest."""
    bars = np.array([1, 3, 2, 4, 6, 8, 10, 12, 16])
    frames = []
    for _ in range(n_frames):
        levels = generator.integers(0, 9, bars.size) * (generator.random(bars.size) < 0.75)
        levels[2] = max(levels[2], 4)
        height = np.zeros(_HARMONICS)
        height[bars - 1] = np.where(levels > 0, 10 ** (-3 * (8 - levels) / 20), 0.0)
        frames.append(_wave(_sines(height)))
    return frames


def _brass(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Dark to bright, as brass played louder; a broad resonance on top."""
    limits = np.geomspace(uniform(generator, (1.5, 4)), uniform(generator, (8, 40)), n_frames)
    centre, gain = log_uniform(generator, (3.0, 9.0)), uniform(generator, (0.0, 1.5))
    slope = uniform(generator, (0.2, 0.9))
    body = 1 + gain / (1 + ((_K - centre) / (0.4 * centre)) ** 2)
    return [_wave(_sines(body * np.exp(-_K / limit) / _K**slope)) for limit in limits]


def _reed(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Odd harmonics above all, with a register break."""
    even = uniform(generator, (0.0, 0.7))
    heights = np.where(_K % 2 == 1, 1.0, even) * generator.gamma(4.0, size=_HARMONICS)
    frames = []
    for _ in range(n_frames):
        limit, order = log_uniform(generator, (4.0, 25.0)), uniform(generator, (1.5, 5.0))
        slope = uniform(generator, (0.2, 1.0))
        frames.append(_wave(_sines(heights / _K**slope / (1 + (_K / limit) ** order))))
    return frames


def _hollow(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """The first few harmonics only: flutes, mallets, soft basses."""
    frames = []
    for _ in range(n_frames):
        count = int(generator.integers(1, 7))
        height = np.zeros(_HARMONICS)
        height[:count] = generator.random(count) * 0.5 ** np.arange(count)
        height[0] = max(height[0], 0.4)
        frames.append(_wave(_sines(height)))
    return frames


def _bell(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """A few far harmonics over a fundamental."""
    count = int(generator.integers(3, 9))
    places = generator.choice(np.arange(1, 48), count, replace=False)
    frames = []
    for _ in range(n_frames):
        height = np.zeros(_HARMONICS)
        height[0] = 1.0
        height[places] = generator.random(count) * uniform(generator, (0.2, 1.0))
        frames.append(_wave(_sines(height, generator.uniform(0, 2 * np.pi, _HARMONICS))))
    return frames


def _frequency_modulation(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """A sine that modulates another's phase, from little to much."""
    time = np.arange(FRAME_SAMPLES) * 2 * np.pi / FRAME_SAMPLES
    ratio, carrier = int(generator.integers(1, 10)), int(generator.choice((1, 1, 1, 2, 3)))
    indices = np.linspace(
        uniform(generator, (0.0, 1.5)), log_uniform(generator, (0.6, 8)), n_frames
    )
    feedback = uniform(generator, (0.0, 1.0)) * chance(generator, 0.4)
    frames = []
    for index in indices:
        inner = np.sin(ratio * time + feedback * np.sin(ratio * time))
        frames.append(_scaled(np.sin(carrier * time + index * inner)))
    return frames


def _folded(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """A sine or triangle driven into a folding or clipping curve."""
    time = np.arange(FRAME_SAMPLES) * 2 * np.pi / FRAME_SAMPLES
    wave = np.sin(time) if chance(generator, 0.6) else 2 / np.pi * np.arcsin(np.sin(time))
    offset = uniform(generator, (-0.4, 0.4))
    drives = np.geomspace(uniform(generator, (1.0, 2.0)), log_uniform(generator, (2, 9)), n_frames)
    bend = np.tanh if chance(generator, 0.4) else np.sin
    return [_scaled(bend(drive * (wave + offset))) for drive in drives]


def _digital(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Few random steps or corners for a period, as of early computers."""
    steps = int(generator.choice((4, 6, 8, 12, 16, 32)))
    soft = chance(generator, 0.5)
    frames = []
    for _ in range(n_frames):
        corners = generator.uniform(-1, 1, steps)
        places = np.arange(FRAME_SAMPLES) * steps / FRAME_SAMPLES
        held = corners[places.astype(int)]
        lines = np.interp(places, np.arange(steps + 1), np.append(corners, corners[0]))
        frames.append(_scaled(lines if soft else held))
    return frames


def _dense(generator: np.random.Generator, n_frames: int) -> list[FloatArray]:
    """Many harmonics at random phases in one or two bands: buzz, choir, sizzle."""
    frames = []
    phases = generator.uniform(0, 2 * np.pi, _HARMONICS)
    for _ in range(n_frames):
        height = np.zeros(_HARMONICS)
        for _ in range(int(generator.integers(1, 4))):
            centre, width = log_uniform(generator, (1, 60)), log_uniform(generator, (0.15, 0.8))
            height += generator.random() * np.exp(-((np.log(_K / centre) / width) ** 2))
        height[0] += uniform(generator, (0.0, 0.5))
        frames.append(_wave(_sines(height * generator.random(_HARMONICS), phases)))
    return frames


RECIPES: dict[str, Recipe] = {
    "analog": _analog,
    "pulse": _pulse,
    "additive": _additive,
    "formant": _formant,
    "drawbars": _drawbars,
    "brass": _brass,
    "reed": _reed,
    "hollow": _hollow,
    "bell": _bell,
    "fm": _frequency_modulation,
    "folded": _folded,
    "digital": _digital,
    "dense": _dense,
}


def _sines(heights: NDArray[np.float64], phases: NDArray[np.float64] | float = 0.0) -> Spectrum:
    return np.asarray(-1j * heights * np.exp(1j * np.asarray(phases)), dtype=np.complex128)


def _wave(harmonics: Spectrum) -> FloatArray:
    spectrum = np.zeros(FRAME_SAMPLES // 2 + 1, dtype=np.complex128)
    spectrum[1 : _HARMONICS + 1] = harmonics
    return _scaled(np.fft.irfft(spectrum))


def _scaled(wave: NDArray[np.float64]) -> FloatArray:
    centred = wave - wave.mean()
    return np.asarray(centred / max(float(np.abs(centred).max()), 1e-9), dtype=np.float32)


def _table(frames: list[FloatArray], name: str) -> dict[str, Any]:
    positions = np.linspace(0, LAST_POSITION, len(frames)).round().astype(int)
    keyframes = [
        {
            "position": int(position),
            "wave_data": base64.b64encode(frame.astype("<f4").tobytes()).decode("ascii"),
        }
        for position, frame in zip(positions, frames, strict=True)
    ]
    source = {
        "interpolation": 1,  # of the harmonics, not of the samples
        "interpolation_style": 1,
        "keyframes": keyframes,
        "type": "Wave Source",
    }
    return {
        "author": "",
        "full_normalize": True,
        "groups": [{"components": [source]}],
        "name": name,
        "remove_all_dc": True,
        "version": "1.5.5",
    }
