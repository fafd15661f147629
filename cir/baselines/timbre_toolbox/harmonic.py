"""Descriptors of the harmonic partials of a note, frame by frame, (F,) each (Peeters 2011)."""

import numpy as np

from cir.baselines.timbre_toolbox.partials import PARTIALS, Partials
from cir.types import FloatArray

NAMES = (
    "tristimulus_1",
    "tristimulus_2",
    "tristimulus_3",
    "odd_to_even",
    "deviation",
    "inharmonicity",
    "noisiness",
)

#: Energies 40 dB below that of all partials are as good as none: ratios stay within +-40 dB.
_FAINT = np.float32(1e-4)
_TINY = np.float32(1e-20)


def harmonic_descriptors(partials: Partials, energies: FloatArray) -> FloatArray:
    """All of `NAMES` for each frame, (F, 7).

    Args:
        partials: Of F frames.
        energies: Mean power of these frames, (F,).
    """
    shares = partials.amplitudes / (partials.amplitudes.sum(axis=1, keepdims=True) + _TINY)
    return np.stack(
        [
            *tristimulus(shares),
            odd_to_even(shares),
            deviation(shares),
            inharmonicity(partials),
            noisiness(partials, energies),
        ],
        axis=1,
    )


def tristimulus(shares: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share of the amplitude in the fundamental, in partials 2 to 4, and in all above."""
    return shares[:, 0], shares[:, 1:4].sum(axis=1), shares[:, 4:].sum(axis=1)


def odd_to_even(shares: FloatArray) -> FloatArray:
    """Energy of the odd partials over that of the even ones, in bels: 0 where they are equal.

    Peeters 2011 has the plain ratio, which is infinite for a sine.
    """
    energy = np.square(shares)
    faint = _FAINT * energy.sum(axis=1) + _TINY
    odd, even = energy[:, 0::2].sum(axis=1), energy[:, 1::2].sum(axis=1)
    return np.asarray(np.log10((odd + faint) / (even + faint)))


def deviation(shares: FloatArray) -> FloatArray:
    """Mean distance of the partials from a smooth envelope, the mean of three neighbours.

    Peeters 2011 sums the signed differences of amplitudes. Ours are of shares, so that level says
    nothing, and absolute, so that a jagged envelope is far from a smooth one.
    """
    smooth = (shares[:, :-2] + shares[:, 1:-1] + shares[:, 2:]) / 3.0
    return np.asarray(np.abs(shares[:, 1:-1] - smooth).sum(axis=1) / PARTIALS)


def inharmonicity(partials: Partials) -> FloatArray:
    """Distance of the partials from the multiples of the fundamental, weighted by their energy.

    In halves of the fundamental: from 0, perfectly harmonic, to 1, halfway between.
    """
    energy = np.square(partials.amplitudes)
    distance = np.abs(partials.frequencies - partials.multiples)
    mean = (distance * energy).sum(axis=1) / (energy.sum(axis=1) + _TINY)
    return np.asarray(2.0 * mean / partials.fundamentals)


def noisiness(partials: Partials, energies: FloatArray) -> FloatArray:
    """Share of a frame's energy that is not in its partials, in [0, 1]."""
    harmonic = np.square(partials.amplitudes).sum(axis=1) / 2.0
    return np.asarray(np.clip(1.0 - harmonic / (energies + _TINY), 0.0, 1.0))
