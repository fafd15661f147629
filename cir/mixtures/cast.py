"""The instruments of a realistic mixture."""

import numpy as np

from cir.errors import DataError
from cir.mixtures.mixture_config import MixtureConfig
from cir.mixtures.pool import NotePool


def draw_cast(
    generator: np.random.Generator, pool: NotePool, config: MixtureConfig
) -> tuple[int, ...]:
    """Draw numbers of the pool, never an instrument together with its twin or a recast copy.

    A family is drawn with the square root of its size, an instrument in it uniformly.

    Raises:
        DataError: The pool has too few instruments of the families.
    """
    names = [name for name in config.families if name in pool.families]
    n_stems = int(generator.integers(config.min_stems, config.max_stems + 1))
    cast: dict[str, int] = {}
    for family in _draw_families(generator, pool, names, n_stems):
        group = pool.of_family(family)
        number = group[generator.integers(len(group))]
        if pool.instruments[number].instrument_id in cast:
            free = [n for n in group if pool.instruments[n].instrument_id not in cast]
            if not free:
                continue
            number = free[generator.integers(len(free))]
        cast[pool.instruments[number].instrument_id] = number
    if len(cast) < config.min_stems:
        raise DataError(
            f"A mixture of {config.min_stems} instruments of {', '.join(config.families)} cannot "
            f"be made of this pool, whose families are {', '.join(pool.families)}."
        )
    return tuple(cast.values())


def _draw_families(
    generator: np.random.Generator, pool: NotePool, names: list[str], n_stems: int
) -> list[str]:
    """Draw a family for each stem, none twice before all occur."""
    if not names:
        return []
    weights = np.sqrt([len(pool.of_family(name)) for name in names])
    n_first = min(n_stems, len(names))
    # The order of weighted exponential draws is a weighted draw without replacement.
    first = (generator.exponential(size=len(names)) / weights).argsort()[:n_first]
    shares = weights.cumsum() / weights.sum()
    more = shares.searchsorted(generator.random(n_stems - n_first), side="right")
    return [names[number] for number in (*first.tolist(), *more.tolist())]
