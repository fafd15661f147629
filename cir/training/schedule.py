"""Learning rate over a run."""


def learning_rate_factor(step: int, *, total: int, warmup: int, decay: int) -> float:
    """Warm-up, then constant, then linearly to 0 over the last `decay` steps.

    A run can be cut short or prolonged by moving `total`: the constant part before it stays valid.

    Args:
        step: From 0.
        total: Steps of the run.
        warmup: Steps from 0 to the full rate.
        decay: Steps from the full rate to 0.

    Returns:
        Factor of the peak learning rate in [0, 1].
    """
    rising = min(1.0, (step + 1) / max(1, warmup))
    falling = min(1.0, max(0.0, (total - step) / max(1, decay)))
    return min(rising, falling)
