"""The authors' checkpoint, played by a small double with their names and their clutter."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import ASTConfig, ASTForAudioClassification, ASTModel

from cir.errors import CheckpointError
from cir.model import released
from cir.model.encoder import TimbreEncoder
from cir.model.released import is_released_checkpoint, load_released

AST_CONFIG = ASTConfig(
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=512,
    frequency_stride=12,
    time_stride=12,
    num_mel_bins=64,
    max_length=128,
)
CUSTOM_CONFIG = {
    "model": {"base": "AST", "sr": 16000, "num_mel_bins": 64, "max_num_mel_frames": 128},
    "training": {"batch_size": 48, "start_lr": 1.5e-4, "device": "cuda:0"},
    "git": {"branch": "main"},
}


def names_of_transformers_4(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names that the authors' version of transformers gave to the same weights."""
    renamed = {}
    for name, value in state.items():
        name = re.sub(r"layers\.(\d+)", r"encoder.layer.\1", name)
        name = name.replace("attention.o_proj", "attention.output.dense")
        for short, long in (("q", "query"), ("k", "key"), ("v", "value")):
            name = name.replace(f"attention.{short}_proj", f"attention.attention.{long}")
        name = name.replace("mlp.fc1", "intermediate.dense").replace("mlp.fc2", "output.dense")
        renamed[name] = value
    return renamed


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ASTForAudioClassification(AST_CONFIG)
        for parameter in model.parameters():  # transformers starts biases and positions at zero
            torch.nn.init.normal_(parameter, std=0.05)
        return names_of_transformers_4(model.state_dict())


def write(folder: Path, state: Mapping[str, Any], **more: Any) -> Path:
    path = folder / "checkpoint.pt"
    torch.save({"model_state_dict": dict(state), "custom_config": CUSTOM_CONFIG, **more}, path)
    return path


def test_reads_sizes_and_drops_the_rest(tmp_path: Path, state: dict[str, Tensor]) -> None:
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
    path = write(tmp_path, state, optimizer_state_dict=optimizer, step=20_000)
    config, weights = load_released(path)
    assert (config.hidden_size, config.n_layers, config.n_heads) == (128, 2, 2)
    assert (config.frequency_stride, config.time_stride, config.patch_size) == (12, 12, 16)
    assert (config.n_mels, config.mixture_frames, config.note_frames) == (64, 128, 128)
    assert (config.hop_samples, config.families) == (160, ())
    assert len(weights) == len([name for name in state if not name.startswith("classifier")])
    assert all(name.startswith("ast.") for name in weights)


def test_embeds_as_transformers_does(tmp_path: Path, state: dict[str, Tensor]) -> None:
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    AST_CONFIG.save_pretrained(tmp_path)
    oracle = ASTModel.from_pretrained(tmp_path)
    encoder = TimbreEncoder.from_pretrained(write(tmp_path, state), device="cpu")
    features = torch.randn(3, 128, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = oracle(features).pooler_output
        found = encoder.network.embed_notes(features)
    assert expected.std() > 0.05
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_embeds_sounds(tmp_path: Path, state: dict[str, Tensor]) -> None:
    encoder = TimbreEncoder.from_pretrained(write(tmp_path, state), device="cpu")
    sound = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert encoder.embed([sound], 16_000).shape == (1, 128)
    assert encoder.families == ()


@pytest.mark.parametrize("prefix", ["", "model.", "ast.", "module.audio_spectrogram_transformer."])
def test_any_prefix(prefix: str, tmp_path: Path, state: dict[str, Tensor]) -> None:
    moved = {
        name.replace("audio_spectrogram_transformer.", prefix): value
        for name, value in state.items()
    }
    _, expected = load_released(write(tmp_path, state))
    _, weights = load_released(write(tmp_path, moved))
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in weights)


def test_ast_base_has_the_published_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = {
        "embeddings.cls_token": (1, 1, 768),
        "embeddings.position_embeddings": (1, 852, 768),
        "embeddings.patch_embeddings.projection.weight": (768, 1, 16, 16),
        **{f"encoder.layer.{layer}.layernorm_before.weight": (768,) for layer in range(12)},
    }
    state = {
        f"audio_spectrogram_transformer.{name}": torch.zeros(1).expand(shape)
        for name, shape in shapes.items()
    }
    monkeypatch.setattr(released, "_unpickle", lambda file: {"model_state_dict": state})
    config, _ = load_released("AST base, whose 350 MB are not written here")
    assert (config.hidden_size, config.n_layers, config.n_heads) == (768, 12, 12)
    assert (config.frequency_stride, config.n_mels, config.mixture_frames) == (12, 128, 1024)


class RunsCode:
    """Unpickled without care, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    trap = tmp_path / "trapped"
    path = write(tmp_path, state, extra=RunsCode(trap))
    with pytest.raises(CheckpointError, match="was refused.*could run code"):
        TimbreEncoder.from_pretrained(path)
    assert not trap.exists()
    torch.load(path, weights_only=False)  # the trap works
    assert trap.exists()


def test_a_damaged_file_says_so(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = write(tmp_path, state)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(CheckpointError, match="cannot be read|was refused"):
        load_released(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weights": 1}, "should be a dictionary with a model_state_dict"),
        ([1, 2], "should be a dictionary with a model_state_dict"),
        ({"model_state_dict": {}}, "and holds 0"),
        ({"model_state_dict": {"embeddings.cls_token": torch.zeros(1)}}, "incomplete transformer"),
        ({"model_state_dict": {"embeddings.cls_token": "zero"}}, "is no tensor"),
    ],
)
def test_another_checkpoint_says_what_it_lacks(
    content: object, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message):
        load_released(path)


def test_positions_that_fit_no_stride(tmp_path: Path, state: dict[str, Tensor]) -> None:
    name = "audio_spectrogram_transformer.embeddings.position_embeddings"
    path = write(tmp_path, {**state, name: torch.zeros(1, 33, 128)})
    with pytest.raises(CheckpointError, match="31 positions, which fit 0 strides"):
        load_released(path)


def test_knows_a_checkpoint_by_its_content(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = write(tmp_path, state)
    assert is_released_checkpoint(path)
    assert is_released_checkpoint(path.rename(tmp_path / "no-suffix"))
    (tmp_path / "text.pt").write_text("not a checkpoint")
    assert not is_released_checkpoint(tmp_path / "text.pt")
    assert not is_released_checkpoint(tmp_path)
    assert not is_released_checkpoint("owner/name")
