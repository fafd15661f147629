from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from cir.errors import DatabaseError
from cir.index.database import InstrumentDatabase
from cir.index.filters import ANY, Filters
from cir.index.unsorted import guess_families
from cir.retrieval.windows import WindowEmbeddings
from cir.types import FamilyResult, FloatArray, Match
from cir.ui.own import library as own_library
from cir.ui.own.library import OwnLibrary
from cir.ui.own.scope import BOTH, NO_CHANCES, OWN, OWN_PREFIX, answer_in, finder_in
from cir.ui.service import Answer, PageService
from tests.fakes import SpectrumEncoder, instrument, unit_vectors

FAMILY = "bass"
D = 32
Found = list[tuple[str, float]]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageService]:
    """A database of 20 basses and 5 leads."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    generator = np.random.default_rng(0)
    families = [FAMILY] * 20 + ["synth_lead"] * 5
    rows = [instrument(f"one-{row:02d}", family) for row, family in enumerate(families)]
    encoder = SpectrumEncoder()
    with InstrumentDatabase.create(tmp_path / "bundled", encoder) as database:
        database.add(rows, unit_vectors(generator, 25, D))
        yield PageService(encoder, database)


@pytest.fixture
def library(tmp_path: Path, service: PageService) -> OwnLibrary:
    """Six basses, three sounds of no family and one lead; one has an id of the database's."""
    generator = np.random.default_rng(1)
    families = [FAMILY] * 6 + [None] * 3 + ["synth_lead"]
    names = ["one-03" if number == 3 else f"mine-{number}" for number in range(len(families))]
    rows = [instrument(*row, bank="Mine") for row in zip(names, families, strict=True)]
    with InstrumentDatabase.create(tmp_path / "own", service.encoder) as database:
        database.add(rows, unit_vectors(generator, len(rows), D))
    return OwnLibrary(tmp_path / "own", service)


def query(seed: int) -> FloatArray:
    return np.ravel(unit_vectors(np.random.default_rng(100 + seed), 1, D))


def search(
    scope: str,
    service: PageService,
    library: OwnLibrary,
    queries: dict[str, FloatArray],
    top_k: int,
    filters: Filters = ANY,
) -> list[FamilyResult]:
    own, guesses = library.database, library.guesses()
    return [
        finder_in(scope, service, own, guesses, family, vector, filters)(top_k)
        for family, vector in queries.items()
    ]


def pairs(matches: Iterable[Match]) -> Found:
    return [(match.instrument.instrument_id, match.similarity) for match in matches]


def merge(service: PageService, library: OwnLibrary, folder: Path, vector: FloatArray) -> Found:
    """Put everything that a family's query meets into one database, and search that."""
    own = library.database
    assert own is not None
    vectors = [*service.database.embeddings()[1], *own.embeddings()[1]]
    rows = list(service.instruments)
    for one in own.instruments():
        name, family = f"own-{one.instrument_id}", one.family or FAMILY
        rows.append(replace(one, instrument_id=name, family=family))
    with InstrumentDatabase.create(folder, service.encoder) as union:
        union.add(rows, np.stack(vectors))
        return pairs(union.search(vector, 100, FAMILY))


@pytest.mark.parametrize("seed", range(3))
def test_both_rank_as_one_would(
    service: PageService, library: OwnLibrary, tmp_path: Path, seed: int
) -> None:
    (result,) = search(BOTH, service, library, {FAMILY: query(seed)}, 100)
    found = pairs(result.matches)
    expected = merge(service, library, tmp_path / "union", query(seed))
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert len(found) == 20 + 9
    np.testing.assert_allclose([one for _, one in found], [one for _, one in expected], atol=1e-6)
    assert [match.rank for match in result.matches] == list(range(1, 30))


def test_a_similarity_is_the_same_in_every_scope(service: PageService, library: OwnLibrary) -> None:
    queries = {FAMILY: query(0), "synth_lead": query(1)}
    both = search(BOTH, service, library, queries, 100)
    own = search(OWN, service, library, queries, 100)
    assert [one.family for one in both] == [one.family for one in own] == list(queries)
    for merged, alone in zip(both, own, strict=True):
        everything = set(pairs(merged.matches))
        found = service.database.search(queries[merged.family], 100, merged.family)
        assert {*pairs(alone.matches), *pairs(found)} <= everything
    word = service.database.likeness.word
    assert both[0].judgement is own[0].judgement is None  # no chance is made up
    for match in (*both[0].matches, *own[0].matches):
        assert (match.chance, match.likeness) == (None, word(match.similarity))


def test_sounds_of_no_family_are_found_and_say_so(
    service: PageService, library: OwnLibrary
) -> None:
    (result,) = search(OWN, service, library, {FAMILY: query(0)}, 100)
    shown = {
        match.instrument.instrument_id.removeprefix(OWN_PREFIX): match.instrument
        for match in result.matches
    }
    assert set(shown) == {f"mine-{number}" for number in (0, 1, 2, 4, 5, 6, 7, 8)} | {"one-03"}
    assert shown["mine-7"].category.startswith("Your sound, no family given")
    assert shown["mine-1"].category.startswith("Your sound / ")
    assert all(one.instrument_id.startswith(OWN_PREFIX) for one in shown.values())


def test_filters_and_ties(service: PageService, library: OwnLibrary) -> None:
    queries = {FAMILY: query(0)}
    (result,) = search(BOTH, service, library, queries, 100, Filters(bank="Mine"))
    assert len(result.matches) == 9
    database = library.database
    assert database is not None
    name = service.instruments[0].instrument_id
    twin = service.database.embeddings()[1][:1]
    database.add([instrument("aaa-twin", FAMILY)], twin)
    (result,) = search(BOTH, service, library, {FAMILY: twin[0]}, 3)
    first, second, _ = (match.instrument.instrument_id for match in result.matches)
    assert (first, second) == (name, "own-aaa-twin")


def test_no_sounds_and_those_of_another_model(service: PageService, tmp_path: Path) -> None:
    (result,) = search(OWN, service, OwnLibrary(tmp_path / "no", service), {FAMILY: query(0)}, 5)
    assert result.matches == ()
    InstrumentDatabase.create(tmp_path / "other", SpectrumEncoder(seed=1))
    library = OwnLibrary(tmp_path / "other", service)
    with pytest.raises(DatabaseError, match="embedded by the model spectrum-32-1"):
        search(BOTH, service, library, {FAMILY: query(0)}, 5)


def test_an_answer_keeps_its_filters(
    service: PageService, library: OwnLibrary, tmp_path: Path
) -> None:
    vector = query(0)
    windows = WindowEmbeddings((FAMILY,), ((0, 1),), np.ones(1), vector[None, None])
    filters = Filters(bank="Mine")
    asked = Answer((), {FAMILY: vector}, 0.1, (), tmp_path / "mix.wav", windows, filters)
    answer = answer_in(BOTH, service, library, asked, 30)
    (result,) = answer.results
    assert len(result.matches) == 9  # six basses and three of no family, nobody of the database
    assert all(one.instrument.instrument_id.startswith(OWN_PREFIX) for one in result.matches)
    members = [one for group in answer.groups[0] for one in group.members]
    assert sorted(members, key=lambda one: one.rank) == list(result.matches)
    assert answer.note == NO_CHANCES


@pytest.mark.parametrize("scope", [OWN, BOTH])
def test_words_narrow_every_scope(service: PageService, library: OwnLibrary, scope: str) -> None:
    """The name of an instrument of `fakes` is its id, in capitals."""
    (result,) = search(scope, service, library, {FAMILY: query(0)}, 100, Filters(text="one-03"))
    found = {match.instrument.instrument_id for match in result.matches}
    assert found == {"own-one-03"} | ({"one-03"} if scope == BOTH else set())


def test_near_duplicates_do_not_crowd_out_the_list(
    service: PageService, library: OwnLibrary, tmp_path: Path
) -> None:
    database = library.database
    assert database is not None
    vector = query(0)
    names = [instrument(f"twin-{number:02d}", FAMILY) for number in range(25)]
    database.add(names, np.stack([vector] * 25))
    windows = WindowEmbeddings((FAMILY,), ((0, 1),), np.ones(1), vector[None, None])
    asked = Answer((), {FAMILY: vector}, 0.1, (), tmp_path / "mix.wav", windows, ANY)
    groups = answer_in(OWN, service, library, asked, 5).groups[0]
    assert len(groups) == 5
    assert len(groups[0].members) == 25


def test_a_library_that_grows_meanwhile_is_searched_as_it_was(
    service: PageService, library: OwnLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = library.database
    with InstrumentDatabase.create(tmp_path / "grown", service.encoder) as grown:
        grown.add([instrument("new", FAMILY)], query(0)[None])
    reads = iter([before, before, grown, grown, grown])
    monkeypatch.setattr(OwnLibrary, "database", property(lambda self: next(reads)))
    vector = query(0)
    windows = WindowEmbeddings((FAMILY,), ((0, 1),), np.ones(1), vector[None, None])
    asked = Answer((), {FAMILY: vector}, 0.1, (), tmp_path / "mix.wav", windows, ANY)
    (result,) = answer_in(OWN, service, library, asked, 30).results
    assert len(result.matches) == 9


def test_families_are_guessed_once(library: OwnLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Mock(wraps=guess_families)
    monkeypatch.setattr(own_library, "guess_families", spy)
    first = library.guesses()
    assert len(first) == 3
    assert library.guesses() == first
    assert spy.call_count == 1
    name = next(iter(first))
    library.set_family(name, FAMILY)
    assert set(library.guesses()) == set(first) - {name}
    assert spy.call_count == 2
