"""Learning rate over a run."""

import math

SHAPES = ("linear", "cosine", "exponential")
_LEAST_EXPONENTIAL = 1e-3
"""An exponential never reaches 0; towards 0 it goes down to this."""


def learning_rate_factor(
    step: int,
    *,
    total: int,
    warmup: int,
    decay: int,
    shape: str = "linear",
    final: float = 0.0,
) -> float:
    """Warm-up, then constant, then down over the last `decay` steps.

    A run can be cut short or prolonged by moving `total`: the constant part before it stays valid.

    Args:
        step: From 0.
        total: Steps of the run.
        warmup: Steps from 0 to the full rate.
        decay: Steps from the full rate to the final one; what the warm-up takes is not decayed.
        shape: One of `SHAPES`; the paper's is exponential, from 1e-4 to 1e-6.
        final: Factor at the end.

    Returns:
        Factor of the peak learning rate in [0, 1].
    """
    if step < warmup:
        return (step + 1) / warmup
    decay = max(1, min(decay, total - warmup))
    done = min(1.0, max(0.0, 1 - (total - step) / decay))
    if shape == "exponential":
        return math.pow(max(final, _LEAST_EXPONENTIAL), done)
    if shape == "cosine":
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2
    return final + (1 - final) * (1 - done)
