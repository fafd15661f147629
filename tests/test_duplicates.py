import numpy as np
import pytest

from cir.index.database import InstrumentDatabase
from cir.retrieval.answers import NEAR_DUPLICATE, group_near_duplicates
from cir.types import FloatArray, Match
from tests.fakes import instrument


def _matches(names: str) -> list[Match]:
    return [
        Match(rank, 1.0 - rank / 100, instrument(name), chance=1.0 / rank)
        for rank, name in enumerate(names, start=1)
    ]


def _at(degrees: float) -> FloatArray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


def _groups(angles: dict[str, float], names: str) -> list[str]:
    groups = group_near_duplicates(
        _matches(names), lambda name: _at(angles[name]), threshold=float(np.cos(np.radians(10)))
    )
    return ["".join(one.instrument.instrument_id for one in group.members) for group in groups]


def test_what_sounds_the_same_becomes_one() -> None:
    assert _groups({"a": 0, "b": 40, "c": 5, "d": 41, "e": 90}, "abcde") == ["ac", "bd", "e"]


def test_small_steps_do_not_chain() -> None:
    assert _groups({"a": 0, "b": 8, "c": 16}, "abc") == ["ab", "c"]


def test_the_first_group_that_fits_takes_it() -> None:
    assert _groups({"a": 0, "b": 12, "c": 8}, "abc") == ["ac", "b"]


def test_ranks_and_chances_stay_those_of_the_search() -> None:
    matches = _matches("abc")
    (group,) = group_near_duplicates(matches, lambda _: _at(0))
    assert group.members == tuple(matches)
    assert group_near_duplicates([], lambda _: _at(0)) == []


def test_nothing_is_lost_in_the_bundled_database() -> None:
    with InstrumentDatabase.open() as database:
        ids, embeddings = database.embeddings()
        rows = {name: row for row, name in enumerate(ids)}
        kit = embeddings[rows["timgm6mb-128-000-standard"]]
        matches = database.search(kit, 20, "percussion")
        groups = group_near_duplicates(matches, lambda name: embeddings[rows[name]])
    assert sorted(one.rank for group in groups for one in group.members) == list(range(1, 21))
    snares = {one.instrument.name for one in groups[0].members}
    assert {"Standard kit, snare", "Jazz kit, snare", "Orchestra kit, snare"} <= snares
    heads = [embeddings[rows[group.match.instrument.instrument_id]] for group in groups]
    between = np.array(heads) @ np.array(heads).T - 2 * np.eye(len(heads))
    assert between.max() == pytest.approx(min(between.max(), NEAR_DUPLICATE))
