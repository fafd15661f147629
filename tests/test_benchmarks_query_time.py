"""The benchmark of query time compares what it says, on sounds that are not in the index."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet, draw_mixtures
from cir.metrics import target_ranks
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.model.ast_config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.model.windows import cut_windows
from cir.types import SAMPLE_RATE, FloatArray
from tests.tone_bank import NOTES, write_bank

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
ENCODER = EncoderConfig(
    hidden_size=32,
    n_layers=1,
    n_heads=2,
    hop_samples=320,
    note_frames=32,
    mixture_frames=256,
    families=("bass", "percussion"),
)
NO_COHORT = np.zeros((1, 1, 8), np.float32), np.array([-1])

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values"),
]


@pytest.fixture
def ranking(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("query_time_ranking")


@pytest.fixture
def sounds(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("query_time_sounds")


def draw_units(*shape: int, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(*shape, 8)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def test_one_note_and_one_window_are_a_plain_cosine(ranking: ModuleType) -> None:
    references, queries = draw_units(7, 3), draw_units(5, 1, seed=1)
    expected = queries[:, 0] @ references[:, 0].T
    for pooling in ranking.POOLINGS:
        for merging in ranking.MERGINGS:
            setting = ranking.Setting(1, pooling, merging=merging)
            found = ranking.Index(references, setting, *NO_COHORT).similarities(queries)
            np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("pooling", ["mean", "best"])
@pytest.mark.parametrize("merging", ["mean", "best", "top-2"])
def test_agrees_with_loops(ranking: ModuleType, count: int, pooling: str, merging: str) -> None:
    references, queries = draw_units(6, 3), draw_units(4, 3, seed=1)
    references[2, 1:] = 0.0  # has one note alone
    references[3, 2] = 0.0
    queries[1, 0] = 0.0  # silent windows
    queries[2, 1:] = 0.0
    setting = ranking.Setting(count, pooling, merging=merging)
    found = ranking.Index(references, setting, *NO_COHORT).similarities(queries)
    for q, windows in enumerate(queries):
        for n, notes in enumerate(references):
            expected = compare(
                [one for one in windows if one.any()],
                [one for one in notes[:count] if one.any()],
                pooling,
                merging,
            )
            assert found[q, n] == pytest.approx(expected, abs=1e-5)


def compare(
    windows: list[FloatArray], notes: list[FloatArray], pooling: str, merging: str
) -> float:
    """One query and one instrument, as the settings are described."""
    if pooling == "mean":
        notes = [np.sum(notes, axis=0) / np.linalg.norm(np.sum(notes, axis=0))]
    if merging == "mean":
        windows = [np.sum(windows, axis=0) / np.linalg.norm(np.sum(windows, axis=0))]
    of_windows = sorted((max(float(w @ n) for n in notes) for w in windows), reverse=True)
    return float(np.mean(of_windows[: 2 if merging == "top-2" else 1]))


@pytest.mark.parametrize("nearest", [None, 2])
def test_hubs_are_those_near_to_queries_about_others(
    ranking: ModuleType, nearest: int | None
) -> None:
    similarities = np.random.default_rng(0).uniform(-1, 1, (6, 4)).astype(np.float32)
    owners = np.array([0, 0, 1, 3, -1, 3])
    found = ranking.hub_bias(similarities, owners, nearest)
    for n in range(4):
        others = sorted(float(similarities[c, n]) for c in range(6) if owners[c] != n)
        assert found[n] == pytest.approx(np.mean(others[-(nearest or 6) :]), abs=1e-6)


def test_correction_takes_a_hub_away(ranking: ModuleType) -> None:
    """All queries lean to one side; a candidate there wins them all, right or not."""
    lean = np.eye(8, dtype=np.float32)[0]
    own = draw_units(12, seed=3)
    references = np.concatenate([own, lean[None]])[:, None]
    owners = np.arange(12)

    def leaning(seed: int) -> FloatArray:
        queries = own + 2 * lean + 0.1 * draw_units(12, seed=seed)
        return np.asarray(queries / np.linalg.norm(queries, axis=1, keepdims=True), np.float32)

    right = {}
    for correction in ranking.CORRECTIONS:
        setting = ranking.Setting(correction=correction)
        index = ranking.Index(references, setting, leaning(4)[:, None], owners)
        ranks = target_ranks(index.similarities(leaning(5)[:, None]), owners)
        right[correction] = float((ranks == 1).mean())
    assert right["none"] < 0.2
    for correction in ("centred apart", "hubs", "near hubs"):
        assert right[correction] > 0.8, right


def test_half_windows_are_those_of_the_encoder(tmp_path: Path, sounds: ModuleType) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 160_000).astype(np.float32)
    for n_samples in (50_000, 82_000, 82_001, 160_000):
        expected = cut_windows(noise[:n_samples], 82_000)
        starts = sounds.window_starts(n_samples, 82_000, 0.5)
        assert len(starts) == len(expected)
        for start, window in zip(starts, expected, strict=True):
            heard = noise[:n_samples][start : start + 82_000]
            np.testing.assert_array_equal(heard, window[: len(heard)])


def test_windows_of_mixtures_average_to_the_encoders_answer(
    tmp_path: Path, sounds: ModuleType, ranking: ModuleType
) -> None:
    encoder = TimbreEncoder.from_config(ENCODER)
    players = Gallery([sounds.LaterNotes(write_bank(tmp_path / "bank"), 2)])
    wanted = MixtureSet(2)
    heard = sounds.listen(encoder, players, wanted, (1.0, 0.5, 0.25))
    mixtures = [one for chunk in draw_mixtures(players.pool("test", None), wanted) for one in chunk]
    mixes = [mixture.mix for _, mixture in mixtures]
    expected = encoder.embed_mixtures(mixes, SAMPLE_RATE, PAPER_FAMILIES)
    assert [heard.n_windows(hop) for hop in (1.0, 0.5, 0.25)] == [2, 3, 5]
    later = heard.only(slice(1, None))
    for column, family in enumerate(PAPER_FAMILIES):
        np.testing.assert_array_equal(later.at(family, 0.25), heard.at(family, 0.25)[1:])
        np.testing.assert_array_equal(later.owners[family], heard.owners[family][1:])
        merged = ranking.merge_windows(heard.at(family, 0.5), "mean")[:, 0]
        np.testing.assert_allclose(merged, expected[:, column], atol=1e-5)
        names = [players.entries[row].instrument_id for row in heard.owners[family]]
        assert names == [mixture.plan.instrument_ids[column] for _, mixture in mixtures]


def test_no_query_is_in_the_index(tmp_path: Path, sounds: ModuleType) -> None:
    bank = write_bank(tmp_path / "bank")
    every, later = NoteBankDataset(bank, twins=False), sounds.LaterNotes(bank, 3)
    for instrument in every.instruments("test"):
        notes, played = every.notes(instrument), later.notes(instrument)
        assert [note.pitch for note in played] == [note.pitch for note in notes[3:]]
        assert later.reference(instrument).pitch == notes[3].pitch
    gallery, encoder = Gallery([every]), TimbreEncoder.from_config(ENCODER)
    notes = sounds.embed_notes(encoder, gallery, NOTES + 1, ["test"])
    assert not notes.owners.size and not notes.references[:, NOTES].any()
    notes = sounds.embed_notes(encoder, gallery, 2, ["test"])
    counts = np.bincount(notes.owners, minlength=len(gallery))
    for row, entry in enumerate(gallery.entries):
        assert counts[row] == (NOTES - 2 if entry.split == "test" else 1)
        embedded = encoder.embed([note.audio for note in gallery.notes(row)], SAMPLE_RATE)
        np.testing.assert_allclose(notes.references[row], embedded[:2], atol=1e-5)
        np.testing.assert_allclose(notes.queries[notes.owners == row][0], embedded[2], atol=1e-5)


def test_whole_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    query_time = importlib.import_module("query_time")
    bank, model, output = tmp_path / "bank", tmp_path / "model", tmp_path / "found.json"
    TimbreEncoder.from_config(ENCODER).save_pretrained(model)
    arguments = f"--data {write_bank(bank)} --model {model} --split test --mixtures 8 --cohort 6"
    monkeypatch.setattr(
        sys,
        "argv",
        ["query_time.py", *arguments.split(), "--references", "1", "2", "-o", f"{output}"],
    )
    query_time.main()
    found = json.loads(output.read_text("utf-8"))
    rows, heard = found["splits"]["test"], found["heard"]
    settings = query_time.list_settings([1, 2])
    assert len(rows) == len(settings) == len(set(settings))
    assert settings[0] == query_time.Setting()
    first = rows[0]["scores"]
    assert first["unheard"]["mrr"]["value"] >= first["mean"]["mrr"]["value"]  # fewer candidates
    assert first["mean"]["top_1"]["value"] == pytest.approx(
        np.mean([first[family]["top_1"]["value"] for family in PAPER_FAMILIES]), abs=1e-4
    )
    assert all(first[name][m]["gain"] == 0 for name in first for m in ("top_1", "mrr"))
    for row in rows:
        value, gain = (row["scores"]["single"]["top_5"][key] for key in ("value", "gain"))
        assert value - gain == pytest.approx(first["single"]["top_5"]["value"], abs=2e-4)
        assert row["index_ms"] / rows[0]["index_ms"] == pytest.approx(row["references"], rel=0.2)
    printed = capsys.readouterr().out
    assert printed.count("\n| ") == 2 + len(rows) + len(heard)
    assert {row["hop"] for row in heard} == {0.5}
    assert {row["correction"] for row in heard} == set(query_time.CORRECTIONS)
