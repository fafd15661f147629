from pathlib import Path

import numpy as np
import pytest

from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.filters import Filters
from cir.retrieval.retriever import Retriever
from cir.retrieval.timeline import build_timeline
from cir.retrieval.windows import (
    WindowEmbeddings,
    embed_each_window,
    embed_windows,
    split_windows,
)
from tests.fakes import SpectrumEncoder, instrument, tone

RATE = 16_000


@pytest.fixture
def encoder() -> SpectrumEncoder:
    return SpectrumEncoder()


@pytest.fixture
def database(
    tmp_path: Path, encoder: SpectrumEncoder, monkeypatch: pytest.MonkeyPatch
) -> InstrumentDatabase:
    """A low, a middle and a high bass, and one lead."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    made = InstrumentDatabase.create(tmp_path / "db", encoder)
    rows = [instrument(name, bank=name.upper()) for name in ("low", "middle", "high")]
    rows.append(instrument("lead", "synth_lead"))
    made.add(rows, encoder.embed([tone(hz, 3.0) for hz in (60.0, 220.0, 900.0, 700.0)], RATE))
    return made


@pytest.fixture
def retriever(encoder: SpectrumEncoder, database: InstrumentDatabase) -> Retriever:
    return Retriever(encoder, database)


@pytest.fixture
def windows(encoder: SpectrumEncoder) -> WindowEmbeddings:
    """10 s of each bass, 10 s of nothing between the first two, and 4 s of the last again."""
    nothing = np.zeros(10 * RATE, np.float32)
    audio = np.concatenate(
        [tone(60.0, 10.0), nothing, tone(220.0, 10.0), tone(900.0, 10.0), tone(900.0, 4.0)]
    )
    return embed_each_window(audio, encoder, ["bass", "synth_lead"])


def test_windows_know_their_place_and_leave_silence_out(windows: WindowEmbeddings) -> None:
    assert windows.spans == ((0.0, 10.0), (20.0, 30.0), (30.0, 40.0), (40.0, 44.0))
    assert windows.embeddings.shape == (4, 2, 32)


def test_the_average_is_that_of_a_search(encoder: SpectrumEncoder) -> None:
    audio = np.concatenate([tone(60.0, 10.0), 0.2 * tone(900.0, 7.0)]).astype(np.float32)
    each = embed_each_window(audio, encoder, ["bass"])
    alone = [encoder.embed([window], RATE)[0] for window in split_windows(audio)]
    np.testing.assert_allclose(each.embeddings[:, 0], alone, atol=1e-5)
    np.testing.assert_array_equal(
        each.average()["bass"], embed_windows(audio, encoder, ["bass"])["bass"]
    )


def test_each_window_finds_what_plays_in_it(
    windows: WindowEmbeddings, retriever: Retriever
) -> None:
    timeline = build_timeline(windows, retriever, {"bass": "middle"})
    assert list(timeline) == ["bass"]
    cells = timeline["bass"]
    assert [cell.best.instrument_id for cell in cells] == ["low", "middle", "high", "high"]
    assert [(cell.start_seconds, cell.end_seconds) for cell in cells] == list(windows.spans)
    assert int(np.argmax([cell.similarity for cell in cells])) == 1


def test_cells_equal_a_search_of_each_window_by_itself(
    windows: WindowEmbeddings, database: InstrumentDatabase, retriever: Retriever
) -> None:
    timeline = build_timeline(windows, retriever, {"bass": "high", "synth_lead": "lead"})
    ids, embeddings = database.embeddings()
    for column, (family, target) in enumerate((("bass", "high"), ("synth_lead", "lead"))):
        for row, cell in enumerate(timeline[family]):
            query = windows.embeddings[row, column]
            (match,) = database.search(query, 1, family)
            assert (cell.best, cell.best_similarity) == (match.instrument, match.similarity)
            assert cell.similarity == pytest.approx(embeddings[ids.index(target)] @ query)


def test_filters_hold_for_each_window(windows: WindowEmbeddings, retriever: Retriever) -> None:
    cells = build_timeline(windows, retriever, {"bass": "low"}, Filters("LOW", "surge"))["bass"]
    assert {cell.best.instrument_id for cell in cells} == {"low"}


def test_an_unknown_instrument_is_refused(windows: WindowEmbeddings, retriever: Retriever) -> None:
    with pytest.raises(InputError, match="nobody"):
        build_timeline(windows, retriever, {"bass": "nobody"})
