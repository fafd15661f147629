"""Random draws that depend on the instrument, not on the order of calls."""

import zlib

import numpy as np

from cir.datasets.base import DatasetInstrument


def generator_for(seed: int, instrument: DatasetInstrument) -> np.random.Generator:
    """Return the generator of an instrument; an effects-off twin draws what its original draws."""
    return np.random.default_rng([seed, zlib.crc32(instrument.instrument_id.encode())])
