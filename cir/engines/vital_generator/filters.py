"""The filters of a preset."""

import numpy as np

from cir.engines.vital_generator.archetype import Archetype
from cir.engines.vital_generator.draws import chance, log_uniform, uniform, weighted
from cir.engines.vital_generator.patch import Patch

_MODELS = {
    "analog": 0,
    "dirty": 1,
    "ladder": 2,
    "digital": 3,
    "diode": 4,
    "formant": 5,
    "comb": 6,
    "phaser": 7,
}
_LOW, _HIGH = 8.0, 136.0
"""Range of a cutoff, as a MIDI pitch."""
_LOW_PASS, _BAND_PASS, _HIGH_PASS = 0.0, 1.0, 2.0


def add_filters(patch: Patch, kind: Archetype, generator: np.random.Generator, pitch: int) -> None:
    """Draw up to two filters, for a sound that is mostly played around `pitch`."""
    if not chance(generator, kind.filter):
        return
    _add_filter(patch, kind, generator, 1, pitch)
    if chance(generator, 0.2):
        _add_filter(patch, kind, generator, 2, pitch)
        in_series = chance(generator, 0.6)
        patch.set(filter_2_filter_input=in_series)
        if not in_series:
            patch.set(osc_1_destination=2, osc_2_destination=1)


def _add_filter(
    patch: Patch, kind: Archetype, generator: np.random.Generator, number: int, pitch: int
) -> None:
    prefix = f"filter_{number}_"
    tuned = number == 1 and chance(generator, kind.tuned_comb)
    model = "comb" if tuned else weighted(generator, kind.models)
    follows = float(generator.choice((0.0, 0.3, 0.6, 1.0)))
    above = uniform(generator, kind.cutoff)
    centre = pitch + above
    patch.set(
        prefix,
        on=1,
        model=_MODELS[model],
        style=_style(model, generator),
        # A cutoff follows the keys from middle C on.
        cutoff=60.0 + above if tuned else _limited(centre - follows * (pitch - 60)),
        keytrack=1.0 if tuned else follows,
        resonance=uniform(generator, kind.resonance),
        drive=uniform(generator, (0.0, 12.0)) if chance(generator, 0.4) else 0.0,
        blend=_blend(kind, generator),
        mix=1.0 if chance(generator, 0.85) else uniform(generator, (0.5, 1.0)),
    )
    if tuned:
        octave = float(generator.choice((0, 0, 0, 12, -12)))
        patch.set(
            prefix,
            cutoff=60.0 + octave,
            resonance=uniform(generator, (0.85, 0.99)),
            blend=_LOW_PASS,
            blend_transpose=uniform(generator, (20.0, 80.0)),
            style=0,
            mix=1.0,
        )
    elif model == "formant":
        patch.set(
            prefix,
            formant_x=generator.random(),
            formant_y=generator.random(),
            formant_transpose=uniform(generator, (-8.0, 8.0)),
            formant_resonance=uniform(generator, (0.5, 1.0)),
            formant_spread=uniform(generator, (-0.3, 0.3)),
        )
        _sweep(patch, kind, generator, f"{prefix}formant_x", 0.5)
    elif model == "comb":
        patch.set(prefix, blend_transpose=uniform(generator, (0.0, 84.0)))
    if not tuned and model != "formant" and chance(generator, kind.sweep):
        upwards = 1.0 if chance(generator, 0.85) else -0.5
        span = upwards * log_uniform(generator, kind.sweep_semitones)
        _sweep(patch, kind, generator, f"{prefix}cutoff", span / (_HIGH - _LOW))
    if chance(generator, 0.5):
        patch.modulate("velocity", f"{prefix}cutoff", uniform(generator, (0.03, 0.25)))


def _sweep(
    patch: Patch, kind: Archetype, generator: np.random.Generator, destination: str, amount: float
) -> None:
    seconds = log_uniform(generator, kind.sweep_seconds)
    rise = log_uniform(generator, (0.005, 0.5)) if chance(generator, 0.25) else 0.0
    sustain = uniform(generator, (0.0, 0.6)) if kind.sustain[1] > 0.0 else 0.0
    source = patch.add_envelope(rise, seconds, sustain, seconds)
    if source:
        patch.modulate(source, destination, amount)


def _style(model: str, generator: np.random.Generator) -> int:
    if model in ("formant", "comb", "phaser"):
        return int(generator.integers(0, 2))
    return int(generator.choice((0, 1, 2, 3, 4), p=(0.45, 0.35, 0.07, 0.06, 0.07)))


def _blend(kind: Archetype, generator: np.random.Generator) -> float:
    """Draw a blend of low-pass, band-pass and high-pass."""
    if chance(generator, kind.high_pass):
        return uniform(generator, (1.5, _HIGH_PASS))
    if chance(generator, 0.12):
        return uniform(generator, (0.3, 1.4)) * _BAND_PASS
    return _LOW_PASS


def _limited(cutoff: float) -> float:
    return max(_LOW, min(_HIGH, cutoff))
