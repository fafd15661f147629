from collections import Counter

import pytest

from cir.errors import InputError
from cir.instruments.splits import SPLITS, split_instruments
from cir.types import Instrument


def make(name: str, family: str | None) -> Instrument:
    return Instrument(name, name, family, "", "bank", "", "", "test", "samples:x")


POOL = [make(f"bass-{i}", "bass") for i in range(100)]
POOL += [make(f"organ-{i}", "organ") for i in range(10)]
POOL += [make(f"other-{i}", None) for i in range(25)]


def test_fractions_hold_within_every_family() -> None:
    splits = split_instruments(POOL)
    counts = Counter((row.family, splits[row.instrument_id]) for row in POOL)
    assert [counts["bass", split] for split in SPLITS] == [80, 10, 10]
    assert [counts["organ", split] for split in SPLITS] == [8, 1, 1]
    assert [counts[None, split] for split in SPLITS] == [20, 3, 2]


def test_the_order_of_the_instruments_does_not_matter_but_the_seed_does() -> None:
    splits = split_instruments(POOL)
    assert split_instruments(POOL[::-1]) == splits
    assert list(splits) == [row.instrument_id for row in POOL]
    assert split_instruments(POOL, seed=1) != splits


def test_small_families_go_to_train_first() -> None:
    assert split_instruments([make("only", "pipe")]) == {"only": "train"}


def test_repeated_ids_are_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        split_instruments([*POOL, POOL[0]])
