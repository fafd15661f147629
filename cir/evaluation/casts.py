"""Who plays in each of many mixtures."""

from collections.abc import Sequence

import numpy as np

from cir.errors import InputError
from cir.mixtures.pool import NotePool


def draw_casts(
    groups: Sequence[Sequence[int]], n_mixtures: int, generator: np.random.Generator
) -> list[tuple[int, ...]]:
    """Choose who plays in each mixture, one of each group.

    Everybody plays once, in random order, before anybody plays twice; then draws are uniform.
    Asking for more mixtures leaves the first ones as they were.
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
    """Choose who plays in each mixture: different families, all equally likely, one of each.

    Asking for more mixtures leaves the first ones as they were.

    Args:
        pool: Who there is.
        families: Those that may play.
        n_stems: Instruments in a mixture.
        n_mixtures: How many casts.
        seed: Of the draws.

    Raises:
        InputError: There are not so many families.
    """
    present = [family for family in families if family in pool.families]
    if not 1 <= n_stems <= len(present):
        raise InputError(
            f"{n_stems} instruments of different families in a mixture cannot be had of "
            f"{', '.join(present) or 'none'}; ask for 1 to {len(present)}."
        )
    generator = np.random.default_rng([seed, n_stems])
    casts = []
    for _ in range(n_mixtures):
        drawn = generator.permutation(len(present))[:n_stems]
        groups = (pool.of_family(present[number]) for number in drawn)
        casts.append(tuple(int(generator.choice(group)) for group in groups))
    return casts
