"""Demucs as a separator: against a double, and against the real package where it is installed."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cir.baselines.demucs import DemucsSeparator
from cir.baselines.separation import SeparatedEncoder
from cir.errors import CheckpointError, CirError
from cir.types import FloatArray
from tests import fake_demucs
from tests.fakes import SpectrumEncoder

RATE = 16_000
FAMILIES = ("percussion", "bass", "synth_lead", "voice", "organ")
#: One tone in the band of each of the double's stems.
TONES_HZ = {"percussion": 5000.0, "bass": 100.0, "synth_lead": 2000.0, "voice": 600.0}


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_demucs.install(monkeypatch)


def sine(hertz: float, seconds: float = 3.0, rate: int = RATE) -> FloatArray:
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(0.2 * np.sin(2 * np.pi * hertz * time), dtype=np.float32)


def test_every_family_gets_its_stem_at_its_own_level(double: None) -> None:
    mix = np.sum([sine(hertz) for hertz in TONES_HZ.values()], axis=0)
    stems = DemucsSeparator(device="cpu").separate(mix, RATE, FAMILIES)
    assert stems.shape == (5, len(mix)) and stems.dtype == np.float32
    inner = slice(2000, -2000)
    for family, stem in zip(FAMILIES, stems, strict=True):
        expected = sine(TONES_HZ.get(family, TONES_HZ["synth_lead"]))
        np.testing.assert_allclose(stem[inner], expected[inner], atol=0.02)


def test_families_without_a_stem_share_the_rest(double: None) -> None:
    separator = DemucsSeparator(device="cpu")
    assert [separator.source_of(family) for family in FAMILIES] == [
        "drums",
        "bass",
        "other",
        "vocals",
        "other",
    ]
    assert separator.source_of("guitar") == separator.source_of("piano") == "other"


@pytest.mark.parametrize("seconds", [0.01, 1.0, 4.3])
def test_any_length_at_any_rate_comes_back_with_that_length(double: None, seconds: float) -> None:
    separator = DemucsSeparator(device="cpu")
    for rate in (8_000, 44_100):
        sound = sine(440.0, seconds, rate)
        assert separator.separate(sound, rate, ["bass"]).shape == (1, len(sound))


def test_no_shifts_so_that_nothing_is_random(double: None) -> None:
    separator = DemucsSeparator(device="cpu")
    first, second = (separator.separate(sine(440.0), RATE, FAMILIES) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert set(fake_demucs.shifts_seen) == {0}


def test_it_is_a_separator_of_mixtures(double: None) -> None:
    single = SpectrumEncoder()
    encoder = SeparatedEncoder(single, DemucsSeparator(device="cpu"))
    embeddings = encoder.embed_mixtures([sine(100.0) + sine(5000.0)], RATE, ["percussion", "bass"])
    references = single.embed([sine(5000.0), sine(100.0)], RATE)
    assert (embeddings[0] @ references.T).argmax(1).tolist() == [0, 1]


def test_identity_follows_the_weights(double: None) -> None:
    separator = DemucsSeparator(device="cpu")
    assert separator.identity == DemucsSeparator(device="cpu").identity
    assert separator.identity.startswith("demucs-htdemucs-")
    other = DemucsSeparator(device="cpu")
    with torch.no_grad():
        other.model.models[0].gain.fill_(2.0)
    assert other.identity != separator.identity


def test_a_folder_from_the_hub_is_read_without_pickles(double: None, tmp_path: Path) -> None:
    (tmp_path / "htdemucs_6s.yaml").write_text("models: ['abc']\nsegment: 2\n")
    (tmp_path / "abc.safetensors").write_text("drums bass other vocals guitar piano")
    separator = DemucsSeparator("htdemucs_6s", tmp_path, device="cpu")
    assert separator.source_of("guitar") == "guitar" and separator.source_of("organ") == "other"
    assert not fake_demucs.loaded


def test_a_folder_of_older_files_is_left_to_demucs(double: None, tmp_path: Path) -> None:
    (tmp_path / "htdemucs.yaml").write_text("models: ['abc']\n")
    (tmp_path / "abc-0123.th").touch()
    DemucsSeparator(folder=str(tmp_path), device="cpu")
    assert fake_demucs.loaded == [("htdemucs", tmp_path)]


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "demucs", None)
    for module in fake_demucs.MODULES:
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(CirError, match=r"pip install 'demucs>=4\.1'"):
        DemucsSeparator()


def test_without_weights_the_error_says_where_they_are(double: None, tmp_path: Path) -> None:
    where = r"https://huggingface\.co/adefossez/Demucs-mdx"
    with pytest.raises(CheckpointError, match=rf"mdx cannot be fetched \(OSError.*{where}\."):
        DemucsSeparator("mdx")
    with pytest.raises(CheckpointError, match=rf"cannot be read from .*neither.*{where}\."):
        DemucsSeparator("mdx", tmp_path)
    with pytest.raises(CheckpointError, match="There is no folder"):
        DemucsSeparator("mdx", tmp_path / "none")
    (tmp_path / "mdx.yaml").write_text("nothing of use")
    with pytest.raises(CheckpointError, match="cannot be read from"):
        DemucsSeparator("mdx", tmp_path)


def test_a_model_without_a_rest_is_refused(double: None, tmp_path: Path) -> None:
    (tmp_path / "duo.yaml").write_text("models: ['abc']")
    (tmp_path / "abc.safetensors").write_text("drums bass")
    with pytest.raises(CheckpointError, match="separates drums, bass; take a model"):
        DemucsSeparator("duo", tmp_path, device="cpu")


def test_the_double_has_the_shape_of_the_real_package() -> None:
    pytest.importorskip("demucs", reason="demucs is not installed")
    for module, names in fake_demucs.MODULES.items():
        real = import_module(module)
        for name in names:
            double = getattr(fake_demucs, name)
            if isinstance(double, str):
                assert getattr(real, name) == double
            else:
                found = fake_demucs.parameters(getattr(real, name))
                assert fake_demucs.parameters(double) == found
    pretrained = import_module("demucs.pretrained")
    assert pretrained.SOURCES == fake_demucs.SOURCES


def test_the_real_package_separates_with_a_small_untrained_network(tmp_path: Path) -> None:
    pytest.importorskip("demucs", reason="demucs is not installed")
    settings = {"channels": 4, "t_layers": 1, "t_heads": 1, "dconv_comp": 2, "segment": 1}
    torch.manual_seed(0)
    network = import_module("demucs.htdemucs").HTDemucs(fake_demucs.SOURCES, **settings)
    recipe = {
        "klass": "demucs.htdemucs.HTDemucs",
        "args": json.dumps([fake_demucs.SOURCES]),
        "kwargs": json.dumps(settings),
    }
    save_file(network.state_dict(), tmp_path / "abc.safetensors", metadata=recipe)
    (tmp_path / "htdemucs.yaml").write_text("models: ['abc']")
    separator = DemucsSeparator(folder=tmp_path, device="cpu")
    mix = sine(100.0, 2.0) + sine(5000.0, 2.0)
    stems = separator.separate(mix, RATE, FAMILIES)
    assert stems.shape == (5, len(mix)) and np.isfinite(stems).all() and np.abs(stems).max() > 0
    np.testing.assert_array_equal(stems, separator.separate(mix, RATE, FAMILIES))
    np.testing.assert_array_equal(stems[2], stems[4])
    quiet = separator.separate(mix * np.float32(0.125), RATE, FAMILIES)
    np.testing.assert_allclose(8 * quiet, stems, atol=1e-4)
