"""Random draws of a preset's values."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Key = TypeVar("Key")
Range = tuple[float, float]


def uniform(generator: np.random.Generator, bounds: Range) -> float:
    """Return a value between the two bounds."""
    return float(generator.uniform(*bounds))


def log_uniform(generator: np.random.Generator, bounds: Range) -> float:
    """Return a value between two positive bounds, uniform on a logarithmic scale."""
    low, high = np.log(bounds)
    return float(np.exp(generator.uniform(low, high)))


def chance(generator: np.random.Generator, probability: float) -> bool:
    """Return True with this probability."""
    return bool(generator.random() < probability)


def weighted(generator: np.random.Generator, weights: Mapping[Key, float]) -> Key:
    """Return one of the keys, in proportion to its weight."""
    keys = list(weights)
    shares = np.array([weights[key] for key in keys], dtype=np.float64)
    return keys[int(generator.choice(len(keys), p=shares / shares.sum()))]
