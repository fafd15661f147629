from pathlib import Path

import numpy as np
import pytest

from cir.errors import InputError
from cir.index.bundle import Bundle, write_bundle
from cir.index.ranking import Ranking
from cir.instruments.catalog import Catalog
from cir.metrics import TIE_TOLERANCE, target_ranks
from tests.fakes import instrument, unit_vectors

IDS = ("d", "c", "b", "a", "e")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(
        tmp_path,
        identity="m",
        catalog=Catalog([instrument(name, bank=name.upper()) for name in IDS]),
        embeddings=unit_vectors(np.random.default_rng(0), len(IDS), 8),
    )


def make_ranking(bundle: Bundle, *scores: float) -> Ranking:
    return Ranking(bundle, np.arange(len(scores)), np.array(scores))


def test_equals_are_listed_by_id_and_ranked_last(bundle: Bundle) -> None:
    ranking = make_ranking(bundle, 0.5, 0.9, 0.5, 0.5 + TIE_TOLERANCE / 2, 0.1)
    found = ranking.top(9)
    assert [match.instrument.instrument_id for match in found] == ["c", "a", "b", "d", "e"]
    assert [match.rank for match in found] == [1, 2, 3, 4, 5]
    assert ranking.top(3) == found[:3]
    assert ranking.best() == found[0]
    assert {name: ranking.rank_of(name) for name in IDS} == {"c": 1, "a": 4, "b": 4, "d": 4, "e": 5}
    ranks = target_ranks(np.tile(ranking.scores, (5, 1)), range(5))
    assert [ranking.rank_of(name) for name in IDS] == ranks.tolist()
    match = ranking.match_of("b")
    assert (match.rank, match.similarity, match.instrument) == (4, 0.5, instrument("b", bank="B"))


def test_what_is_no_number_is_last(bundle: Bundle) -> None:
    ranking = make_ranking(bundle, np.nan, 0.9, 0.5)
    assert [match.instrument.instrument_id for match in ranking.top(3)] == ["c", "b", "d"]
    assert [ranking.rank_of(name) for name in "bcd"] == [3, 2, 3]


def test_only_some_candidates(bundle: Bundle) -> None:
    ranking = make_ranking(bundle, 0.1, 0.2, 0.3, 0.4, 0.5).only(lambda one: one.bank in "ABC")
    assert [match.instrument.instrument_id for match in ranking.top(5)] == ["a", "b", "c"]
    assert len(ranking) == 3 and ranking.rank_of("c") == 3
    with pytest.raises(InputError, match="'e' is none of the 3 candidates"):
        ranking.rank_of("e")
    assert ranking.only(lambda one: False).best() is None
