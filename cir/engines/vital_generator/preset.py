"""Draws a preset from a family and a seed."""

import numpy as np

from cir.engines.vital_generator.draws import chance, weighted
from cir.engines.vital_generator.effects import add_effects
from cir.engines.vital_generator.filters import add_filters
from cir.engines.vital_generator.movement import add_amplitude, add_movement
from cir.engines.vital_generator.oscillators import add_sources
from cir.engines.vital_generator.patch import Patch
from cir.engines.vital_generator.styles import STYLES
from cir.instruments.families import check_families, reference_pitch

_SHARE_WITH_EFFECTS = 0.6
_NO_OVERSAMPLING = 0


def generate_preset(family: str, seed: int, *, effects: bool | None = None) -> str:
    """Draw a preset of Vital in the style of a family.

    A random combination may be silent or broken: listen to it before using it.

    Args:
        family: One of `cir.instruments.families.FAMILIES`.
        seed: Not negative; the same family and seed give the same preset.
        effects: Whether there are effects; None lets the seed decide.

    Returns:
        The text of a .vital file.

    Raises:
        InputError: `family` is no family.
    """
    (slug,) = check_families([family])
    generator = np.random.default_rng(seed)
    drawn = chance(generator, _SHARE_WITH_EFFECTS)
    kind = weighted(generator, STYLES[slug])
    patch = Patch()
    # Sounds are kept at 16 kHz: what aliases into them at 48 kHz is not worth twice the time.
    patch.set(oversampling=_NO_OVERSAMPLING)
    add_amplitude(patch, kind, generator)
    add_sources(patch, kind, generator)
    add_filters(patch, kind, generator, reference_pitch(slug))
    add_movement(patch, kind, generator)
    if drawn if effects is None else effects:
        add_effects(patch, kind, generator)
    return patch.to_text(f"{slug} {seed}", slug)
