"""What changes while a key is held: the amplitude's envelope, vibrato, slow and rhythmic motion."""

import numpy as np

from cir.engines.vital_generator.archetype import Archetype
from cir.engines.vital_generator.draws import chance, log_uniform, uniform
from cir.engines.vital_generator.patch import Patch

_WAVE = ((0.0, 1.0), (0.5, 0.0), (1.0, 1.0))
_FALL = ((0.0, 0.0), (1.0, 1.0))


def add_amplitude(patch: Patch, kind: Archetype, generator: np.random.Generator) -> None:
    """Draw the main envelope and how far the velocity matters."""
    patch.add_envelope(
        log_uniform(generator, kind.attack),
        log_uniform(generator, kind.decay),
        uniform(generator, kind.sustain),
        log_uniform(generator, kind.release),
        main=True,
    )
    patch.set(
        env_1_attack_power=uniform(generator, (-3.0, 3.0)),
        env_1_decay_power=uniform(generator, (-4.0, 0.0)),
        env_1_release_power=uniform(generator, (-5.0, 0.0)),
        velocity_track=uniform(generator, (0.1, 0.9)),
    )


def add_movement(patch: Patch, kind: Archetype, generator: np.random.Generator) -> None:
    """Draw vibrato, slow modulations and step sequences."""
    if kind.follows_keys and chance(generator, kind.vibrato):
        _add_vibrato(patch, generator)
    for _ in range(min(6, int(generator.poisson(kind.movement)))):
        _add_motion(patch, generator)
    if chance(generator, kind.rhythm):
        _add_steps(patch, generator)


def _add_vibrato(patch: Patch, generator: np.random.Generator) -> None:
    source = patch.add_lfo(_WAVE, uniform(generator, (2.0, 2.9)), smooth=True, once=False)
    if not source:
        return
    patch.set(
        f"{source}_",
        delay_time=uniform(generator, (0.0, 0.5)),
        fade_time=uniform(generator, (0.0, 0.6)),
    )
    if chance(generator, 0.8):
        patch.modulate(source, "voice_tune", log_uniform(generator, (0.03, 0.35)), bipolar=True)
    else:
        patch.modulate(source, "voice_amplitude", -uniform(generator, (0.1, 0.5)))


def _add_motion(patch: Patch, generator: np.random.Generator) -> None:
    points = _WAVE if chance(generator, 0.6) else _random_line(generator)
    source = patch.add_lfo(
        points, uniform(generator, (-3.0, 3.5)), smooth=chance(generator, 0.7), once=False
    )
    if not source:
        return
    patch.set(f"{source}_", phase=generator.random())
    destinations = _movable(patch)
    destination = destinations[int(generator.integers(len(destinations)))]
    span = 1 / 16 if destination.endswith("wave_frame") else 0.6
    patch.modulate(source, destination, uniform(generator, (-span, span)), bipolar=True)


def _add_steps(patch: Patch, generator: np.random.Generator) -> None:
    """Draw a sequence of levels, between two and eight a second."""
    values = generator.random(int(generator.choice((2, 4, 8)))).round(2)
    points: list[tuple[float, float]] = []
    for index, value in enumerate(values):
        points += [(index / values.size, value), ((index + 0.98) / values.size, value)]
    points[0], points[-1] = (0.0, points[0][1]), (1.0, points[-1][1])
    speed = uniform(generator, (1.0, 3.0)) - float(np.log2(values.size))
    source = patch.add_lfo(points, speed, smooth=False, once=False)
    if not source:
        return
    filtered = patch.controls.get("filter_1_on", 0.0) == 1.0
    if filtered and chance(generator, 0.6):
        patch.modulate(source, "filter_1_cutoff", uniform(generator, (0.1, 0.4)), bipolar=True)
    else:
        patch.modulate(source, "voice_amplitude", -uniform(generator, (0.5, 1.0)))


def _random_line(generator: np.random.Generator) -> tuple[tuple[float, float], ...]:
    if chance(generator, 0.3):
        return _FALL
    inner = np.sort(generator.random(int(generator.integers(2, 6))))
    ends = float(generator.random())
    line = [(float(time), float(generator.random())) for time in inner]
    return ((0.0, ends), *line, (1.0, ends))


def _movable(patch: Patch) -> list[str]:
    """Return the controls that modulations of this preset may move."""
    found = ["voice_amplitude"]
    for number in range(1, len(patch.wavetables) + 1):
        prefix = f"osc_{number}_"
        found += [f"{prefix}wave_frame"] * 2 + [f"{prefix}level", f"{prefix}pan"]
        found += [
            f"{prefix}{warp}_amount"
            for warp in ("distortion", "spectral_morph")
            if f"{prefix}{warp}_type" in patch.controls
        ]
    for number in (1, 2):
        if f"filter_{number}_on" in patch.controls:
            found += [f"filter_{number}_cutoff"] * 3 + [f"filter_{number}_resonance"]
            found += [f"filter_{number}_formant_y"]
    return found
