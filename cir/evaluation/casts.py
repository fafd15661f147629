"""Casts: the instruments of each mixture."""

from collections.abc import Sequence

import numpy as np

from cir.errors import InputError
from cir.mixtures.pool import NotePool


def draw_casts(
    groups: Sequence[Sequence[int]], n_mixtures: int, generator: np.random.Generator
) -> list[tuple[int, ...]]:
    """Choose one instrument of each group for each mixture.

    Every instrument plays once, in random order, before any plays twice; after that draws are
    uniform. More mixtures do not change the first ones.
    """
    columns = []
    for group, own in zip(groups, generator.spawn(len(groups)), strict=True):
        once = own.permutation(group)[:n_mixtures]
        more = own.choice(group, n_mixtures - len(once))
        columns.append([int(number) for number in (*once, *more)])
    return list(zip(*columns, strict=True))


def draw_mixed_casts(
    pool: NotePool, families: Sequence[str], n_stems: int, n_mixtures: int, seed: int
) -> list[tuple[int, ...]]:
    """Choose different families uniformly, and one instrument of each, for each mixture.

    More mixtures do not change the first ones.

    Args:
        pool: The instruments.
        families: Families that may play.
        n_stems: Instruments in a mixture.
        n_mixtures: Number of casts.
        seed: Seed of the draws.

    Raises:
        InputError: There are fewer than `n_stems` families.
    """
    present = [family for family in families if family in pool.families]
    if not 1 <= n_stems <= len(present):
        raise InputError(
            f"A mixture cannot have {n_stems} instruments of different families: there is "
            f"{', '.join(present) or 'none'}; ask for 1 to {len(present)}."
        )
    generator = np.random.default_rng([seed, n_stems])
    casts = []
    for _ in range(n_mixtures):
        drawn = generator.permutation(len(present))[:n_stems]
        groups = (pool.of_family(present[number]) for number in drawn)
        casts.append(tuple(int(generator.choice(group)) for group in groups))
    return casts
