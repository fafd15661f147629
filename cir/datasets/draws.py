"""Random draws that depend on an instrument, not on the order in which they are asked for."""

import zlib

import numpy as np

from cir.datasets.base import DatasetInstrument


def generator_for(seed: int, instrument: DatasetInstrument) -> np.random.Generator:
    """Seed a generator for one instrument; a twin draws what its original draws."""
    return np.random.default_rng([seed, zlib.crc32(instrument.instrument_id.encode())])
