"""Which descriptors are compared on a logarithmic scale."""

from collections.abc import Sequence

import numpy as np

from cir.types import FloatArray

#: By name: the value below which differences say nothing.
_FLOORS = {
    "attack_seconds": 1e-3,
    "attack_slope": 1e-1,
    "decrease_slope": 1e-1,
    "release_seconds": 1e-3,
    "temporal_centroid": 1e-3,
    "effective_duration": 1e-3,
    "modulation_amplitude": 1e-3,
    "centroid": 1.0,
    "spread": 1.0,
    "rolloff": 1.0,
    "kurtosis": 1.0,
    "variation": 1e-4,
    "flatness": 1e-6,
    "crest": 1.0,
    "deviation": 1e-4,
    "inharmonicity": 1e-4,
}


def to_scale(values: FloatArray, names: Sequence[str]) -> FloatArray:
    """Take logarithms to the base of 10 of what spans decades: times, frequencies, some ratios.

    Peeters 2011 does so for the attack time only. A z-score of the rest would be one of its few
    largest values.

    Args:
        values: One column for each name, (F, D).
        names: Of the descriptors, D.
    """
    scaled = np.array(values, dtype=np.float32)
    for column, name in enumerate(names):
        if name in _FLOORS:
            scaled[:, column] = np.log10(np.maximum(scaled[:, column], _FLOORS[name]))
    return scaled
