import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import DatabaseError, InputError
from cir.index.filters import Filters
from cir.retrieval.answers import NEAR_DUPLICATE
from cir.retrieval.retriever import Retriever
from cir.ui.search.comparison import Comparisons
from cir.ui.search.examples import load_examples
from cir.ui.search.mixes import MAX_SECONDS, Region
from cir.ui.service import Answer, PageService
from cir.ui.timbre_map.saved_page import timbre_figure
from tests.calibrated import CalibratedDatabase
from tests.fakes import SpectrumEncoder, exact_search, tone
from tests.page.database import FAMILIES


def test_a_search_equals_the_oracle(service: PageService, answer: Answer) -> None:
    ids, embeddings = service.database.embeddings()
    assert [result.family for result in answer.results] == list(FAMILIES)
    for result in answer.results:
        rows = [row for row, one in enumerate(service.instruments) if one.family == result.family]
        names, query = [ids[row] for row in rows], answer.queries[result.family]
        found = [(one.instrument.instrument_id, one.similarity) for one in result.matches]
        assert found == exact_search(names, embeddings[rows], query, 5)
        for match in result.matches:
            assert match.preview and match.preview.is_file()
            truth = service.truth(match.instrument.instrument_id, answer.queries)
            assert truth is not None
            assert (truth.match, truth.candidates) == (match, len(rows))
    assert service.truth("nameless", answer.queries) is None
    assert service.truth("bass-0", {}) is None
    assert all(service.has(example.instrument_ids) for example in load_examples())
    assert not service.has(["nobody"])


def test_the_page_judges_as_the_library_does(service: PageService, mix: Path) -> None:
    encoder = service.encoder
    with CalibratedDatabase.open(service.database.path) as database:
        page = PageService(encoder, database)
        found = page.search(mix, FAMILIES, 5.0)
        assert list(found.results) == Retriever(encoder, database).search(mix, FAMILIES, 5)
        gathered = page.search(mix, FAMILIES, 3, gather=True)
        ranked = page.search(mix, FAMILIES, 20)
    judgements = [result.judgement for result in found.results]
    assert [one is not None and one.is_absent for one in judgements] == [False, True, False]
    for result, full in zip(gathered.results, ranked.results, strict=True):
        assert set(result.matches) <= set(full.matches)
        assert result.judgement is not None
        chances = list(result.judgement.chances or [None] * len(result.matches))
        assert chances == [one.chance for one in result.matches]


def test_families_come_one_by_one(service: PageService, mix: Path, answer: Answer) -> None:
    steps = list(service.search_by_family(mix, FAMILIES, 5))
    assert [len(step.results) for step in steps] == [0, 1, 2, 3]
    assert [step.families for step in steps] == [FAMILIES] * 4
    for number, step in enumerate(steps):
        assert step.results == answer.results[:number]
        assert len(step.groups) == number
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert service.search(mix, None, 5).families == FAMILIES  # it does not tell what it hears
    more = service.add_family(steps[1], FAMILIES[2])
    assert more.results == (answer.results[0], answer.results[2])
    assert service.add_family(more, FAMILIES[2]) is more
    with pytest.raises(InputError, match="no instruments of 'voice'"):
        service.add_family(more, "voice")
    calls: list[float] = []
    service.search(mix, ["bass"], 1, lambda done, words: calls.append(done))
    assert calls == sorted(calls)
    assert calls[0] == 0.0
    assert 0.9 <= calls[-1] <= 1.0


def test_a_passage_is_searched_as_a_file_of_its_own(service: PageService, tmp_path: Path) -> None:
    parts = [tone(60.0, 4.0), tone(300.0, 5.0), np.zeros(32_000, np.float32)]
    save_wav(tmp_path / "both.wav", np.concatenate(parts), 16_000)
    save_wav(tmp_path / "second.wav", parts[1], 16_000)
    whole = service.search(tmp_path / "both.wav", ["bass"], 3)
    passage = service.search(tmp_path / "both.wav", ["bass"], 3, region=Region(4.0, 9.0))
    alone = service.search(tmp_path / "second.wav", ["bass"], 3)
    assert passage.results == alone.results != whole.results
    with pytest.raises(InputError, match="silent"):
        service.search(tmp_path / "both.wav", ["bass"], 3, region=Region(9.0, 11.0))
    # A file that is cut off is said to be.
    assert alone.note == ""
    cut = tmp_path / "cut.wav"
    cut.write_bytes((tmp_path / "second.wav").read_bytes()[:-96_000])
    assert "cut off: it ends after 2.0 s" in service.search(cut, ["bass"], 3).note


def test_filters_compose_with_similarity(service: PageService, mix: Path) -> None:
    found = service.search(mix, FAMILIES, 20, filters=Filters(bank="Bank 1"))
    everything = service.search(mix, FAMILIES, 20)
    for result, unfiltered in zip(found.results, everything.results, strict=True):
        expected = [one for one in unfiltered.matches if one.instrument.bank == "Bank 1"]
        assert [one.instrument for one in result.matches] == [one.instrument for one in expected]
        assert [one.similarity for one in result.matches] == [one.similarity for one in expected]
    with pytest.raises(InputError, match="nobody's"):
        service.search(mix, FAMILIES, 5, filters=Filters(bank="nobody's"))


def test_five_matches_are_five_sounds(service: PageService, mix: Path) -> None:
    found = service.search(mix, FAMILIES, 4, gather=True)
    everything = service.search(mix, FAMILIES, 20)
    _, embeddings = service.database.embeddings()
    rows = {one.instrument_id: row for row, one in enumerate(service.instruments)}
    for result, groups, ranked in zip(found.results, found.groups, everything.results, strict=True):
        assert len(groups) == 4
        heads = embeddings[[rows[group.match.instrument.instrument_id] for group in groups]]
        assert (heads @ heads.T - 2 * np.eye(4)).max() < NEAR_DUPLICATE
        # Ranks and similarities are those of the search.
        assert set(result.matches) <= set(ranked.matches)
        members = [one for group in groups for one in group.members]
        assert sorted(members, key=lambda one: one.rank) == list(result.matches)
    assert any(group.duplicates for groups in found.groups for group in groups)


def test_a_long_mix_has_a_timeline(service: PageService, mix: Path, tmp_path: Path) -> None:
    sound = np.concatenate([tone(60.0, 10.0), tone(300.0, 10.0), tone(900.0, 5.0)])
    save_wav(tmp_path / "long.wav", sound, 16_000)
    timeline = service.timeline(service.search(tmp_path / "long.wav", ["bass", "organ"], 2))
    assert list(timeline) == ["bass", "organ"]
    assert {cell.best.family for cell in timeline["organ"]} == {None}  # it may be one
    assert [cell.start_seconds for cell in timeline["bass"]] == [0.0, 10.0, 20.0]
    assert service.timeline(service.search(mix, ["bass"], 2)) == {}


def test_a_comparison_is_of_its_visitor_and_of_the_mix_as_it_is(
    service: PageService, mix: Path, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparisons, made = Comparisons(service), []
    audition = comparisons._audition

    def count(*arguments: Any) -> Any:
        made.append(arguments)
        return audition(*arguments)

    monkeypatch.setattr(comparisons, "_audition", count)
    copy = shutil.copyfile(mix, tmp_path / "mix.wav")
    answer = replace(answer, mix=copy)
    first, second = tmp_path / "visitor-a", tmp_path / "visitor-b"
    for _ in range(2):
        assert "visitor-a" in comparisons.compare(answer, "bass", None, first)
    assert len(made) == 1
    html = comparisons.compare(answer, "bass", None, second)
    assert "visitor-b" in html and "visitor-a" not in html
    assert len(made) == 2
    save_wav(copy, tone(70.0, 3.0), 16_000)
    assert comparisons.compare(answer, "bass", None, second) != html
    assert len(made) == 3


def test_bad_files_get_one_sentence(service: PageService, tmp_path: Path) -> None:
    silent, long, noise, missing = (tmp_path / f"{name}.wav" for name in "abcd")
    save_wav(silent, np.zeros(16_000, np.float32), 16_000)
    save_wav(long, np.tile(tone(200.0, 1.0, 1_000), int(MAX_SECONDS) + 1), 1_000)
    noise.write_bytes(bytes(range(256)) * 40)
    for path in (silent, long, noise, missing):
        with pytest.raises(InputError, match=r"^.*\.$"):
            service.search(path, ["bass"], 5)


def test_bad_questions_are_refused(service: PageService, mix: Path) -> None:
    bad: list[tuple[Path | str | None, list[str], float, str]] = [
        *[(nothing, ["bass"], 5, "upload") for nothing in (None, "")],
        *[(mix, ["bass"], top_k, words) for top_k, words in ((0, "0"), (21, "20"), (2.5, "2.5"))],
        (mix, [], 5, "No family"),
        (mix, ["kazoo"], 5, "kazoo"),
    ]
    for file, families, top_k, words in bad:
        with pytest.raises(InputError, match=words):
            service.search(file, families, top_k)
    with pytest.raises(DatabaseError, match="spectrum-32-1"):
        PageService(SpectrumEncoder(seed=1), service.database)


def test_neighbours_are_the_nearest(service: PageService) -> None:
    ids, embeddings = service.database.embeddings()
    match, neighbours = service.neighbours("bass-3", 4)
    assert match.instrument.instrument_id == "bass-3"
    expected = exact_search(ids, embeddings, embeddings[ids.index("bass-3")], len(ids))[1:]
    assert [one.instrument.instrument_id for one in neighbours] == [one for one, _ in expected[:4]]
    assert [one.rank for one in neighbours] == [1, 2, 3, 4]


def test_the_map_shows_each_instrument_once_and_a_search(
    service: PageService, answer: Answer
) -> None:
    figure, points = timbre_figure(service), {}
    for trace in figure.data:
        for facts, x, y in zip(trace.customdata, trace.x, trace.y, strict=True):
            points[facts[0]] = (x, y)
    assert set(points) == {one.instrument_id for one in service.instruments}
    assert sum(len(trace.x) for trace in figure.data) == len(service.instruments)
    assert points["bass-3"] == pytest.approx(service.position("bass-3"), abs=1e-3)
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == len(figure.data)
    figure = timbre_figure(service, answer)
    stars = {trace.name: trace for trace in figure.data if trace.marker.symbol == "star"}
    star = stars["Your mix: Bass"]
    assert (star.x[0], star.y[0]) == service.place("bass", answer.queries["bass"])
    assert service.coordinates is not None
    low, high = service.coordinates.min(axis=0), service.coordinates.max(axis=0)
    assert low[0] <= star.x[0] <= high[0] and low[1] <= star.y[0] <= high[1]
    rings = [trace for trace in figure.data if trace.mode == "lines+markers"]
    ringed = {point for trace in rings for point in zip(trace.x, trace.y, strict=True)}
    for match in answer.results[1].matches:
        assert service.position(match.instrument.instrument_id) in ringed
    assert len(rings) == len(FAMILIES)
