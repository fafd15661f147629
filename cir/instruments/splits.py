"""Division of instruments into train, valid and test."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from cir.errors import InputError

SPLITS: tuple[str, ...] = ("train", "valid", "test")
_FRACTIONS = (0.8, 0.1, 0.1)


class Divisible(Protocol):
    """Anything with an id and perhaps a family, such as an `Instrument`."""

    @property
    def instrument_id(self) -> str:
        """Unique."""

    @property
    def family(self) -> str | None:
        """Fractions hold within each family."""


def check_split(split: str) -> None:
    """Check the name of a split.

    Raises:
        InputError: `split` is not one of `SPLITS`.
    """
    if split not in SPLITS:
        raise InputError(f"Unknown split {split!r}; splits are {', '.join(SPLITS)}.")


def split_instruments(instruments: Sequence[Divisible], *, seed: int = 0) -> dict[str, str]:
    """Assign every instrument to one split, with the same fractions within each family.

    The result depends on the ids and the seed, not on the order of the instruments. Within a family
    the numbers are the fractions of its size, rounded by largest remainder, ties to train.

    Args:
        instruments: Instruments with unique ids.
        seed: Seed of the division.

    Returns:
        Split by instrument id, in the order of `instruments`.

    Raises:
        InputError: An id occurs twice.
    """
    strata: defaultdict[str | None, list[str]] = defaultdict(list)
    for instrument in instruments:
        strata[instrument.family].append(instrument.instrument_id)
    assigned: dict[str, str] = {}
    for names in strata.values():
        names.sort(key=lambda name: _lot(name, seed))
        counts = _largest_remainder(len(names))
        labels = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
        assigned.update(zip(names, labels, strict=True))
    if len(assigned) != len(instruments):
        raise InputError("An instrument id occurs twice; instruments are split by unique ids.")
    return {row.instrument_id: assigned[row.instrument_id] for row in instruments}


def _lot(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def _largest_remainder(total: int) -> list[int]:
    shares = [round(total * fraction, 9) for fraction in _FRACTIONS]
    counts = [int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (counts[i] - shares[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts
