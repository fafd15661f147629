"""The effects behind a preset's voices."""

import numpy as np

from cir.engines.vital_generator.archetype import Archetype
from cir.engines.vital_generator.draws import Range, chance, uniform
from cir.engines.vital_generator.patch import Patch

EFFECTS: dict[str, dict[str, Range]] = {
    "chorus": {
        "dry_wet": (0.15, 0.7),
        "feedback": (-0.6, 0.7),
        "frequency": (-5.0, 1.0),
        "mod_depth": (0.1, 0.9),
        "voices": (1.0, 4.0),
        "cutoff": (40.0, 136.0),
    },
    "compressor": {
        "mix": (0.3, 1.0),
        "attack": (0.1, 0.9),
        "release": (0.1, 0.9),
        "low_gain": (0.0, 16.0),
        "band_gain": (0.0, 14.0),
        "high_gain": (0.0, 16.0),
    },
    "delay": {
        "dry_wet": (0.08, 0.5),
        "feedback": (0.0, 0.75),
        "frequency": (1.2, 6.0),
        "filter_cutoff": (40.0, 110.0),
        "filter_spread": (0.4, 1.0),
    },
    "distortion": {
        "drive": (2.0, 24.0),
        "mix": (0.3, 1.0),
        "filter_cutoff": (30.0, 120.0),
        "filter_resonance": (0.1, 0.7),
    },
    "eq": {
        "low_cutoff": (30.0, 75.0),
        "low_gain": (-12.0, 9.0),
        "band_cutoff": (50.0, 110.0),
        "band_gain": (-12.0, 12.0),
        "band_resonance": (0.1, 0.7),
        "high_cutoff": (80.0, 125.0),
        "high_gain": (-12.0, 9.0),
    },
    "flanger": {
        "dry_wet": (0.1, 0.5),
        "feedback": (-0.9, 0.9),
        "frequency": (-4.0, 1.0),
        "mod_depth": (0.1, 0.8),
        "center": (30.0, 110.0),
    },
    "phaser": {
        "dry_wet": (0.2, 1.0),
        "feedback": (0.1, 0.9),
        "frequency": (-4.0, 1.5),
        "mod_depth": (4.0, 44.0),
        "center": (45.0, 110.0),
        "blend": (0.0, 2.0),
    },
    "reverb": {
        "dry_wet": (0.05, 0.5),
        "decay_time": (-1.5, 2.5),
        "size": (0.1, 1.0),
        "delay": (0.0, 0.04),
        "pre_low_cutoff": (0.0, 60.0),
        "pre_high_cutoff": (70.0, 128.0),
        "chorus_amount": (0.0, 0.4),
    },
    "filter_fx": {
        "cutoff": (50.0, 115.0),
        "resonance": (0.0, 0.8),
        "blend": (0.0, 2.0),
        "drive": (0.0, 8.0),
        "formant_x": (0.0, 1.0),
        "formant_y": (0.0, 1.0),
    },
}
"""All effects of Vital, and the ranges in which their controls are drawn."""

_OTHERS = {"chorus": 0.35, "delay": 0.35, "eq": 0.3, "phaser": 0.15, "flanger": 0.12}
_RARE = {"compressor": 0.2, "filter_fx": 0.1}
_CHOICES = {
    "delay_style": 4,
    "distortion_type": 6,
    "distortion_filter_order": 3,
    "filter_fx_model": 8,
    "filter_fx_style": 2,
}
_UNTIMED = ("chorus", "delay", "flanger", "phaser")
"""These run in hertz here, so that a preset does not depend on a tempo."""
_ORDERS = 362_880


def add_effects(patch: Patch, kind: Archetype, generator: np.random.Generator) -> None:
    """Draw one effect or several, in any order."""
    probabilities = {"reverb": kind.space, "distortion": kind.drive, **_OTHERS, **_RARE}
    chosen = [name for name, share in probabilities.items() if chance(generator, share)]
    if not chosen:
        chosen = [str(generator.choice(("reverb", "chorus", "delay", "eq", "phaser")))]
    for name in chosen:
        patch.set(f"{name}_", on=1)
        for control, bounds in EFFECTS[name].items():
            value = uniform(generator, bounds)
            patch.set(f"{name}_", **{control: round(value) if control == "voices" else value})
        if name in _UNTIMED:
            patch.set(f"{name}_", sync=0)
    for control, count in _CHOICES.items():
        if control.rpartition("_")[0].startswith(tuple(chosen)):
            patch.set(**{control: int(generator.integers(count))})
    patch.set(effect_chain_order=int(generator.integers(_ORDERS)))
