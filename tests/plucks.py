"""A sound for tests of descriptors."""

import numpy as np

from cir.types import FloatArray

RATE = 16_000


def pluck(seed: int, *, seconds: float = 0.5, rate: int = RATE) -> FloatArray:
    """A decaying chord of random partials, the same for each seed at every rate."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    partials = rng.uniform(100, 5000, 6)[:, None]
    decays = rng.uniform(1, 20, 6)[:, None]
    sound = (np.sin(2 * np.pi * partials * time) * np.exp(-decays * time)).sum(axis=0)
    return np.asarray(0.9 * sound / np.abs(sound).max(), dtype=np.float32)
