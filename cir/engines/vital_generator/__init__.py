"""Random presets for Vital: seeded draws in the style of each family."""

from cir.engines.vital_generator.preset import generate_preset

__all__ = ["generate_preset"]
