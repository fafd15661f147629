"""More like these, less like those, and what can be taken away of it."""

import csv
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index import database as database_module
from cir.index.database import InstrumentDatabase
from cir.index.filters import Filters
from cir.index.scale import is_installed
from cir.retrieval.export import rows_of_matches, save_matches
from cir.retrieval.retriever import Retriever
from cir.retrieval.similar import combine, embed_examples, similar
from cir.types import FloatArray, Match
from tests.fakes import SpectrumEncoder, clustered_vectors, instrument, tone

ENCODER = SpectrumEncoder()


@pytest.fixture
def database(tmp_path: Path) -> InstrumentDatabase:
    made = InstrumentDatabase.create(tmp_path / "db", ENCODER)
    sounds = [tone(60.0 * 1.2**number) for number in range(12)]
    rows = [
        instrument(f"i-{number:02d}", ("bass", "organ")[number % 2], name=f"Tone {number}")
        for number in range(12)
    ]
    rows[3] = replace(rows[3], name="Warm Pad")
    made.add(rows, ENCODER.embed(sounds, 16_000))
    return made


def _ids(matches: Sequence[Match]) -> list[str]:
    return [one.instrument.instrument_id for one in matches]


def test_like_a_sound_and_an_instrument_and_unlike_another(
    database: InstrumentDatabase, tmp_path: Path
) -> None:
    save_wav(tmp_path / "note.wav", tone(60.0), 16_000)
    likes = embed_examples([str(tmp_path / "note.wav"), "i-04"], ENCODER, database)
    unlikes = embed_examples(["i-11"], ENCODER, database)
    query = likes.mean(axis=0) - 0.5 * unlikes[0]
    expected = [one for one in _ids(database.search(query, 12)) if one != "i-04"][:4]
    assert _ids(similar(database, likes, unlikes, 4, without=["i-04"])) == expected
    assert "i-00" in _ids(similar(database, likes[:1], None, 1))


def test_words_family_and_near_duplicates(database: InstrumentDatabase) -> None:
    likes = embed_examples(["i-00"], ENCODER, database)
    assert _ids(similar(database, likes, filters=Filters(text="wram"))) == ["i-03"]
    organs = _ids(similar(database, likes, None, 12, "organ"))
    assert organs == _ids(database.search(likes[0], 12, "organ"))
    twin = instrument("twin", "bass")
    database.add([twin], database.embedding_of("i-00")[None])
    assert {"i-00", "twin"} <= set(_ids(similar(database, likes, top_k=5)))
    gathered = _ids(similar(database, likes, top_k=5, gather=True))
    assert gathered[0] == "i-00" and "twin" not in gathered and len(gathered) == 5


def test_examples_that_are_none_or_cancel_out_are_named(database: InstrumentDatabase) -> None:
    with pytest.raises(InputError, match="'nowhere' is neither a sound file nor the id"):
        embed_examples(["nowhere"], ENCODER, database)
    row = database.embedding_of("i-00")[None]
    with pytest.raises(InputError, match="at least one"):
        combine(row[:0])
    with pytest.raises(InputError, match="cancel each other out"):
        combine(np.concatenate([row, -row]))


def test_many_mixes_get_the_answers_that_they_get_alone(database: InstrumentDatabase) -> None:
    retriever = Retriever(ENCODER, database)
    mixes = [tone(90.0, 2.0), tone(300.0, 12.0)]
    together = retriever.search_many(mixes, ["bass", "organ"], 3, sample_rate=16_000)
    alone = [retriever.search(one, ["bass", "organ"], 3, sample_rate=16_000) for one in mixes]
    assert together == alone
    embeddings = np.stack([database.embedding_of("i-01"), database.embedding_of("i-07")])
    found = database.search_many(embeddings, 3, "organ")
    assert [one[0].instrument.instrument_id for one in found] == ["i-01", "i-07"]


def test_matches_are_saved_with_previews_and_presets(
    database: InstrumentDatabase, tmp_path: Path
) -> None:
    preset = tmp_path / "My Lead.vital"
    preset.write_text("{}")
    (tmp_path / "sound.opus").write_bytes(b"OggS")
    row = replace(instrument("lead"), engine=f"vital:{preset}")
    database.add([row], -database.embedding_of("i-00")[None], {"lead": tmp_path / "sound.opus"})
    matches = similar(database, -database.embedding_of("i-00")[None], top_k=2)
    rows = rows_of_matches([("example", "", matches)])
    assert save_matches(rows, tmp_path / "out") == 2
    assert (tmp_path / "out/presets/01-lead.vital").read_text() == "{}"
    assert (tmp_path / "out/previews/01-lead.opus").read_bytes() == b"OggS"
    assert json.loads((tmp_path / "out/matches.json").read_text()) == rows
    with (tmp_path / "out/matches.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [one["instrument_id"] for one in table] == _ids(matches)
    with pytest.raises(InputError, match="is there already"):
        save_matches(rows, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(), reason="faiss is not installed")
def test_a_large_database_is_searched_by_its_index_as_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(database_module, "EXACT_LIMIT", 1_000)
    monkeypatch.setattr("cir.index.faiss_index.EXACT_ROWS", 100)
    monkeypatch.setattr("cir.index.faiss_index._FAMILY_ROWS", 100)
    made = InstrumentDatabase.create(tmp_path / "db", ENCODER)
    families = ("bass", "organ", None)
    rows = [instrument(f"i-{row:04d}", families[row % 3]) for row in range(1_500)]
    made.add(rows, clustered_vectors(np.random.default_rng(0), 1_500, 32))
    folder = made.index()
    assert folder is not None and sorted(one.name for one in folder.glob("*.faiss")) == [
        "bass.faiss",
        "none.faiss",
        "organ.faiss",
    ]
    queries = clustered_vectors(np.random.default_rng(1), 10, 32)
    _check_against_all(made, queries)
    new = instrument("new", "bass")
    made.add([new], queries[:1])
    made.remove(["i-0003"])
    assert made.search(queries[0], 1)[0].instrument == new
    _check_against_all(made, queries)
    _wait_for(lambda: len(os.listdir(tmp_path / "home" / "indexes")) >= 2)


def _check_against_all(database: InstrumentDatabase, queries: FloatArray) -> None:
    for query in queries:
        for family in (None, "bass"):
            complete = database.ranking(query, family)
            ranking = database.ranking(query, family, best=5)
            assert complete.is_complete and not ranking.is_complete
            assert len(ranking) < len(complete)
            assert ranking.top(5) == complete.top(5)


def _wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
