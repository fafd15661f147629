"""A straight line through evenly spaced values."""

import numpy as np
from numpy.typing import NDArray


def fit_line(values: NDArray[np.float64]) -> tuple[float, float]:
    """Slope per step and value at the first step, by least squares; one value has the slope 0."""
    middle = (len(values) - 1) / 2.0
    steps = np.arange(len(values)) - middle
    slope = float(steps @ values / max(float(steps @ steps), 1e-12))
    return slope, float(values.mean() - slope * middle)
