"""Scales of mixtures, and note lengths of the paper's."""

import numpy as np

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "natural_minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic_minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic_major": (0, 2, 4, 7, 9),
    "pentatonic_minor": (0, 3, 5, 7, 10),
}

#: Probabilities of half, quarter, eighth and sixteenth notes.
NOTE_LENGTHS: dict[str, tuple[float, float, float, float]] = {
    "percussion": (0.0, 0.8, 0.2, 0.0),
    "bass": (0.45, 0.4, 0.1, 0.05),
}
OTHER_NOTE_LENGTHS = (0.1, 0.3, 0.3, 0.3)
QUARTERS = np.array([2.0, 1.0, 0.5, 0.25])
