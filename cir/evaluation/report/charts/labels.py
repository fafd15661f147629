"""Labels at the ends of lines, moved apart where lines end close together."""

from collections.abc import Sequence

import numpy as np


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Keep labels in order and apart, and move them no further than that takes.

    The least squares solution: isotonic regression of the places less their gaps (pool adjacent
    violators).

    Args:
        wanted: Where each label would stand alone.
        gap: Least distance between two.
        low: No label stands lower.
        high: No label stands higher, where they all fit below it.
    """
    order = np.argsort(np.asarray(wanted, dtype=np.float64), kind="stable")
    pools: list[tuple[float, int]] = []  # mean and number of labels that move together
    for number, label in enumerate(order):
        mean, size = wanted[label] - number * gap, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, size = (mean * size + other * others) / (size + others), size + others
        pools.append((mean, size))
    highest = max(low, high - (len(wanted) - 1) * gap)
    flat = [min(max(mean, low), highest) for mean, size in pools for _ in range(size)]
    places = [0.0] * len(wanted)
    for number, label in enumerate(order):
        places[label] = flat[number] + number * gap
    return places
