"""The page's model on ZeroGPU, and where there is no such thing."""

import sys
from pathlib import Path
from unittest.mock import Mock, call

import numpy as np
import pytest

from cir.ui.serve import service_from_environment
from cir.ui.service import PageService
from cir.ui.zero_gpu import CALL_SECONDS, is_zero_gpu, load_on_gpu
from tests.fake_spaces import FakeSpaces
from tests.fakes import SpectrumEncoder, tone
from tests.page.database import FAMILIES, make_database, write_mix

pytestmark = pytest.mark.slow


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> FakeSpaces:
    fake = FakeSpaces()
    fake.install(monkeypatch)
    return fake


def test_without_the_package_the_model_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    encoder = SpectrumEncoder()
    assert load_on_gpu(lambda: encoder) is encoder
    for value, expected in (("true", True), ("1", True), ("", False)):
        monkeypatch.setenv("SPACES_ZERO_GPU", value)
        assert is_zero_gpu() is expected


def test_the_package_comes_before_the_model(spaces: FakeSpaces) -> None:
    wanted = Mock()
    wanted.model.return_value = SpectrumEncoder()

    class Asked(FakeSpaces):
        def __getattribute__(self, name: str) -> object:
            wanted.attribute(name)
            return super().__getattribute__(name)

    spaces.__class__ = Asked
    load_on_gpu(wanted.model)
    assert wanted.mock_calls.count(call.model()) == 1
    assert call.attribute("GPU") in wanted.mock_calls[: wanted.mock_calls.index(call.model())]


def test_calls_go_through_the_decorator_and_answer_alike(spaces: FakeSpaces) -> None:
    plain = SpectrumEncoder()
    encoder = load_on_gpu(lambda: plain)
    assert spaces.durations == [CALL_SECONDS] * 3
    assert (encoder.identity, encoder.embedding_size) == (plain.identity, plain.embedding_size)
    assert encoder.families == plain.families
    sounds = [tone(220.0), tone(440.0, 2.0)]
    heard: list[float] = []
    found = encoder.embed(sounds, 16_000, progress=lambda done, _: heard.append(done))
    np.testing.assert_array_equal(found, plain.embed(sounds, 16_000))
    found = encoder.embed_mixtures(sounds, 16_000, FAMILIES)
    np.testing.assert_array_equal(found, plain.embed_mixtures(sounds, 16_000, FAMILIES))
    assert spaces.calls == 2


def test_a_search_of_the_page_asks_for_a_gpu(spaces: FakeSpaces, tmp_path: Path) -> None:
    encoder = load_on_gpu(SpectrumEncoder)
    with make_database(tmp_path / "database", encoder) as database:
        spaces.calls = 0
        answer = PageService(encoder, database).search(write_mix(tmp_path / "mix.wav"), FAMILIES, 5)
    assert [len(result.matches) for result in answer.results] == [5, 5, 5]
    assert spaces.calls == 1


def test_on_zero_gpu_the_model_comes_first(
    spaces: FakeSpaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.delenv("CIR_MODEL", raising=False)
    monkeypatch.delenv("CIR_DATABASE", raising=False)
    service_from_environment()
    assert len(spaces.durations) == 3
