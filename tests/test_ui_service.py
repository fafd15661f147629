from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import CirError, DatabaseError, InputError
from cir.index.database import InstrumentDatabase
from cir.index.exact import exact_search
from cir.retrieval import Retriever
from cir.ui.examples import load_examples
from cir.ui.service import MAX_SECONDS, Answer, PageService
from cir.ui.timbre_plot import timbre_figure
from tests.calibrated import CalibratedDatabase
from tests.fakes import SpectrumEncoder, tone
from tests.page.database import FAMILIES, make_database, write_mix


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageService]:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIR_HOME", str(folder / "home"))
        encoder = SpectrumEncoder()
        with make_database(folder / "database", encoder) as database:
            yield PageService(encoder, database)


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mix(tmp_path_factory.mktemp("mix") / "mix.wav")


@pytest.fixture(scope="module")
def answer(service: PageService, mix: Path) -> Answer:
    return service.search(mix, FAMILIES, 5)


def test_a_search_equals_the_oracle(service: PageService, answer: Answer) -> None:
    ids, embeddings = service.database.embeddings()
    assert [result.family for result in answer.results] == list(FAMILIES)
    for result in answer.results:
        rows = [row for row, one in enumerate(service.instruments) if one.family == result.family]
        expected = exact_search(
            [ids[row] for row in rows], embeddings[rows], answer.queries[result.family], 5
        )
        found = [(match.instrument.instrument_id, match.similarity) for match in result.matches]
        assert found == expected
        assert all(match.preview and match.preview.is_file() for match in result.matches)


def test_the_page_judges_as_the_library_does(service: PageService, mix: Path) -> None:
    encoder = service.encoder
    with CalibratedDatabase.open(service.database.path) as database:
        found = PageService(encoder, database).search(mix, FAMILIES, 5.0)
        assert list(found.results) == Retriever(encoder, database).search(mix, FAMILIES, 5)
    judgements = [result.judgement for result in found.results]
    assert [one is not None and one.is_absent for one in judgements] == [False, True, False]


def test_progress_rises_from_nothing_to_the_end(service: PageService, mix: Path) -> None:
    calls: list[float] = []
    service.search(mix, ["bass"], 1, lambda done, words: calls.append(done))
    assert calls == sorted(calls)
    assert calls[0] == 0.0
    assert 0.9 <= calls[-1] <= 1.0


def _silence(path: Path) -> Path:
    save_wav(path, np.zeros(16_000, np.float32), 16_000)
    return path


def _too_long(path: Path) -> Path:
    save_wav(path, np.tile(tone(200.0, 1.0, 1_000), int(MAX_SECONDS) + 1), 1_000)
    return path


def _noise_of_bytes(path: Path) -> Path:
    path.write_bytes(bytes(range(256)) * 40)
    return path


@pytest.mark.parametrize("make", [_silence, _too_long, _noise_of_bytes, lambda path: path])
def test_bad_files_are_refused_in_one_sentence(
    service: PageService, tmp_path: Path, make: object
) -> None:
    assert callable(make)
    with pytest.raises(InputError) as caught:
        service.search(make(tmp_path / "bad.wav"), ["bass"], 5)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("families", "top_k", "words"),
    [
        ([], 5, "No family"),
        (["kazoo"], 5, "kazoo"),
        (["bass"], 0, "0"),
        (["bass"], 21, "20"),
        (["bass"], 2.5, "2.5"),
    ],
)
def test_bad_choices_are_refused(
    service: PageService, mix: Path, families: list[str], top_k: float, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        service.search(mix, families, top_k)


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_mix_is_refused(service: PageService, nothing: str | None) -> None:
    with pytest.raises(InputError, match="upload"):
        service.search(nothing, ["bass"], 5)


def test_a_database_of_another_model_is_refused(service: PageService) -> None:
    with pytest.raises(DatabaseError, match="spectrum-32-1"):
        PageService(SpectrumEncoder(seed=1), service.database)


def test_the_truth_is_ranked_among_its_family(service: PageService, answer: Answer) -> None:
    for result in answer.results:
        for match in result.matches:
            truth = service.truth(match.instrument.instrument_id, answer.queries)
            assert truth is not None
            assert truth.match == match
            assert truth.candidates == sum(
                one.family == result.family for one in service.instruments
            )
    assert service.truth("nameless", answer.queries) is None
    assert service.truth("bass-0", {}) is None


def test_neighbours_are_the_nearest_of_any_family(service: PageService) -> None:
    ids, embeddings = service.database.embeddings()
    row = ids.index("bass-3")
    match, neighbours = service.neighbours("bass-3", 4)
    assert match.instrument.instrument_id == "bass-3"
    expected = [one for one, _ in exact_search(ids, embeddings, embeddings[row], 5)]
    assert [one.instrument.instrument_id for one in neighbours] == expected[1:]
    assert [one.rank for one in neighbours] == [1, 2, 3, 4]


def test_an_unknown_instrument_is_refused(service: PageService) -> None:
    with pytest.raises(CirError, match="nobody"):
        service.neighbours("nobody")


def test_the_map_shows_each_instrument_once(service: PageService) -> None:
    figure = timbre_figure(service)
    points = {
        facts[0]: (x, y)
        for trace in figure.data
        for facts, x, y in zip(trace.customdata, trace.x, trace.y, strict=True)
    }
    assert set(points) == {one.instrument_id for one in service.instruments}
    assert sum(len(trace.x) for trace in figure.data) == len(service.instruments)
    assert points["bass-3"] == pytest.approx(service.position("bass-3"), abs=1e-3)
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data}
    assert len(looks) == len(figure.data)


def test_the_map_shows_a_search_among_its_neighbours(service: PageService, answer: Answer) -> None:
    figure = timbre_figure(service, answer)
    stars = {trace.name: trace for trace in figure.data if trace.marker.symbol == "star"}
    star = stars["Your mix: Bass"]
    assert (star.x[0], star.y[0]) == service.place("bass", answer.queries["bass"])
    xs, ys = service.coordinates.T if service.coordinates is not None else ((), ())
    assert min(xs) <= star.x[0] <= max(xs)
    assert min(ys) <= star.y[0] <= max(ys)
    rings = [trace for trace in figure.data if trace.mode == "markers" and not trace.customdata]
    ringed = {point for trace in rings for point in zip(trace.x, trace.y, strict=True)}
    for match in answer.results[1].matches:
        assert service.position(match.instrument.instrument_id) in ringed
    assert len(figure.layout.annotations) == len(FAMILIES)


def test_a_new_search_moves_no_view(service: PageService, answer: Answer) -> None:
    before, after = timbre_figure(service), timbre_figure(service, answer)
    assert before.layout.uirevision == after.layout.uirevision is not None


def test_the_bundled_examples_are_known_to_the_service(service: PageService) -> None:
    for example in load_examples():
        assert service.has(example.instrument_ids)
    assert not service.has(["nobody"])


def test_a_database_without_instruments_makes_an_empty_page(tmp_path: Path) -> None:
    encoder = SpectrumEncoder()
    with InstrumentDatabase.create(tmp_path / "empty", encoder) as database:
        service = PageService(encoder, database)
        found = service.search(write_mix(tmp_path / "mix.wav"), ["bass"], 5)
        assert found.results[0].matches == ()
        assert len(timbre_figure(service, found).data) == 0
