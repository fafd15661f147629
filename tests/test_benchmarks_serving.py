"""The benchmark of serving rounds a copy, asks fairly, and keeps what it measured before."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from cir.audio.dsp import cut_windows
from cir.datasets.note_bank_dataset import NoteBankDataset
from cir.evaluation.gallery import Gallery
from cir.evaluation.mixture_stream import MixtureSet
from cir.evaluation.mixtures import evaluate_mixtures
from cir.evaluation.single import evaluate_single_source
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import AnyConfig, ConvAstConfig, EncoderConfig
from cir.types import FloatArray
from tests.fakes import SAMPLE_RATE, SpectrumEncoder, tone
from tests.tone_bank import write_bank

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
CONFIG = EncoderConfig(
    hidden_size=32,
    n_layers=2,
    n_heads=2,
    note_frames=32,
    mixture_frames=64,
    families=PAPER_FAMILIES,
)
TONES = [tone(pitch_hz) for pitch_hz in (110.0, 220.0, 330.0)]


@pytest.fixture(autouse=True)
def _benchmarks_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture(autouse=True)
def _threads_stay_as_they_are() -> Any:
    count = torch.get_num_threads()
    yield
    torch.set_num_threads(count)


def module(name: str) -> ModuleType:
    """A benchmark, imported as if it were run."""
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def encoder() -> TimbreEncoder:
    return TimbreEncoder.from_config(CONFIG)


def test_int8_embeds_nearly_alike(encoder: TimbreEncoder) -> None:
    rounded = module("served_encoders").Int8Encoder(encoder)
    asked = (TONES, SAMPLE_RATE)
    notes = (encoder.embed(*asked) * rounded.embed(*asked)).sum(-1)
    mixtures = [one.embed_mixtures(*asked, PAPER_FAMILIES) for one in (encoder, rounded)]
    cosines = np.append(notes, (mixtures[0] * mixtures[1]).sum(-1))
    assert cosines.min() > 0.99
    assert cosines.min() < 1 - 1e-7  # something was rounded


def test_int8_leaves_the_original_as_it_was(encoder: TimbreEncoder) -> None:
    before = {name: value.clone() for name, value in encoder.network.state_dict().items()}
    rounded = module("served_encoders").Int8Encoder(encoder)
    after = encoder.network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert rounded.identity != encoder.identity
    assert not any(type(one) is torch.nn.Linear for one in rounded.network.modules())
    # Rounding must not pass over the attention of the heads and break it: it stays float32.
    assert rounded.network.family_queries.attention.in_proj_weight.dtype is torch.float32


def test_does_not_listen_twice_to_the_same_sounds(encoder: TimbreEncoder) -> None:
    remembering = module("serving_accuracy").Remembering(encoder)
    first = remembering.embed(TONES, SAMPLE_RATE)
    assert remembering.embed(list(TONES), SAMPLE_RATE) is first
    mixtures = remembering.embed_mixtures(TONES, SAMPLE_RATE, ["bass"])
    others = remembering.embed_mixtures(TONES, SAMPLE_RATE, ["percussion"])
    assert not np.array_equal(mixtures, others)
    assert len(remembering.embed(TONES[:2], SAMPLE_RATE)) == 2
    assert [len(one) for one in remembering.kept["notes"]] == [3, 2]
    assert [one.shape for one in remembering.kept["mixtures"]] == [(3, 1, 32)] * 2


def test_references_are_embedded_by_the_index_and_all_else_by_the_other() -> None:
    index, queries = SpectrumEncoder(seed=1), SpectrumEncoder(seed=2)
    mixed = module("serving_accuracy").MixedEncoder(index, queries, [TONES[1].copy()])
    expected = queries.embed(TONES, SAMPLE_RATE)
    expected[1] = index.embed(TONES[1:2], SAMPLE_RATE)[0]
    np.testing.assert_array_equal(mixed.embed(TONES, SAMPLE_RATE), expected)
    np.testing.assert_array_equal(
        mixed.embed_mixtures(TONES, SAMPLE_RATE, ["bass"]),
        queries.embed_mixtures(TONES, SAMPLE_RATE, ["bass"]),
    )


@pytest.mark.filterwarnings("ignore:At least one mel filter has all zero values")
def test_accuracy_is_that_of_the_protocols(tmp_path: Path, encoder: TimbreEncoder) -> None:
    gallery = Gallery([NoteBankDataset(write_bank(tmp_path / "bank"))])
    chosen = MixtureSet(n_mixtures=8)
    found = module("serving_accuracy").measure_accuracy(encoder, gallery, chosen)
    (mixtures,) = evaluate_mixtures({"alone": encoder}, gallery, chosen)
    (single,) = evaluate_single_source({"alone": encoder}, gallery)
    for protocol, result, row in (("mixtures", mixtures, "mean"), ("single", single, "all")):
        scores = found[protocol]["scores"]
        assert list(scores) == ["float32", "int8", "int8 asks, float32 index"]
        for metric in ("top_1", "top_5", "mrr"):
            assert scores["float32"][row][metric] == result["scores"][row][metric]
    assert found["cosine"]["mixtures"]["count"] == 8 * len(PAPER_FAMILIES)
    assert 0.98 < found["cosine"]["notes"]["min"] <= found["cosine"]["notes"]["median"] < 1.00001


def test_encoders_take_turns_and_the_peer_is_as_fast_as_itself() -> None:
    latency = module("serving_latency")
    torch.set_num_threads(1)
    order: list[str] = []

    class Listening:
        def __init__(self, name: str) -> None:
            self.name = name

        def embed_mixtures(
            self, sounds: Sequence[FloatArray], sample_rate: int, families: Sequence[str]
        ) -> None:
            order.append(self.name)
            np.sort(np.arange(10_000))  # takes some processor time

    names = (latency.PEER, "other")
    encoders = {name: Listening(name) for name in names}
    figures = latency.ask_in_turns(encoders, latency.Question(TONES[0], PAPER_FAMILIES, 5, 60.0))
    assert order == [*names] * 6
    assert figures[latency.PEER]["speed_up"] == figures[latency.PEER]["cpu_speed_up"] == 1.0
    for one in figures.values():
        assert one["rounds"] == 5
        assert 0 < one["p50_ms"] <= one["p95_ms"]
        assert one["cpu_ms"] >= 0


def test_slow_models_are_asked_less_often(encoder: TimbreEncoder) -> None:
    latency = module("serving_latency")
    question = latency.Question(TONES[0], PAPER_FAMILIES, 9, 0.0)
    figures = latency.ask_in_turns({latency.PEER: encoder}, question)
    assert figures[latency.PEER]["rounds"] == latency.LEAST_ROUNDS


@pytest.mark.parametrize(
    ("config", "of_window"),
    [
        (CONFIG, 2 + 8 * 4),  # 8 bands of 4 columns, and the two first
        (ConvAstConfig(widths=(8, 16, 16), time_stride=8, families=PAPER_FAMILIES), 16 * 32),
    ],
)
def test_the_largest_size_that_fits_is_named(config: AnyConfig, of_window: int) -> None:
    latency = module("serving_latency")
    question = latency.Question(latency.ten_seconds(), PAPER_FAMILIES, 1, 0.0)
    found = latency.measure_sizes([config], [1], question)
    (size,) = found["sizes"]
    assert size["parameters"] == sum(
        one.numel() for one in TimbreEncoder.from_config(config).network.parameters()
    )
    n_windows = len(cut_windows(question.mix, config.mixture_samples))
    assert size["tokens"] == n_windows * of_window
    assert {one["size"] for one in found["largest"]} == {size["name"]}


def test_a_part_leaves_the_others_in_the_file_as_they_are(tmp_path: Path) -> None:
    serving = module("serving")
    path = tmp_path / "results" / "serving.json"
    serving.save(path, "latency", {"runs": [1]})
    serving.save(path, "accuracy", {"cosine": 0.5})
    figures = serving.save(path, "latency", {"runs": [2]})
    assert figures == {"latency": {"runs": [2]}, "accuracy": {"cosine": 0.5}}
    assert json.loads(path.read_text(encoding="utf-8")) == figures
    assert [one.name for one in path.parent.iterdir()] == ["serving.json"]
