"""Starting from somebody else's AST, of its own grid of patches or another."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import ASTConfig, ASTForAudioClassification, ASTModel

from cir.errors import CheckpointError
from cir.model.ast import TimbreNetwork
from cir.model.ast_config import EncoderConfig
from cir.model.positions import PatchGrid, resample_positions
from cir.model.pretrained import initialise_from_ast
from tests.hub_server import HubServer
from tests.test_released import names_of_transformers_4

AST_CONFIG = ASTConfig(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=128,
    frequency_stride=12,
    time_stride=12,
    num_mel_bins=64,
    max_length=128,
)
#: The same grid of patches as that.
SAME = EncoderConfig(
    hidden_size=32,
    n_layers=2,
    n_heads=2,
    frequency_stride=12,
    time_stride=12,
    n_mels=64,
    hop_samples=160,
    note_frames=64,
    mixture_frames=128,
    families=("bass", "organ"),
)
POSITIONS = "ast.embeddings.position_embeddings"


def save_ast(folder: Path, kind: type[ASTModel] | type[ASTForAudioClassification]) -> Path:
    torch.manual_seed(0)
    model = kind(AST_CONFIG)
    for parameter in model.parameters():  # transformers starts biases and positions at zero
        torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_ast(tmp_path_factory.mktemp("ast"), ASTForAudioClassification)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.be_the_hub(monkeypatch, tmp_path)
        yield server


def features(frames: int = 128) -> Tensor:
    return torch.randn(2, frames, 64, generator=torch.Generator().manual_seed(1))


def oracle(folder: Path) -> ASTModel:
    model: ASTModel = ASTModel.from_pretrained(folder)  # in evaluation mode
    return model


@pytest.mark.parametrize("kind", [ASTModel, ASTForAudioClassification])
@pytest.mark.parametrize("shared_encoder", [True, False])
def test_embeds_as_the_ast_it_started_from(
    kind: type[ASTModel] | type[ASTForAudioClassification], shared_encoder: bool, tmp_path: Path
) -> None:
    folder = save_ast(tmp_path, kind)
    network = TimbreNetwork(replace(SAME, shared_encoder=shared_encoder)).eval()
    heads = {name: value.clone() for name, value in network.family_queries.state_dict().items()}  # type: ignore[union-attr]
    assert initialise_from_ast(network, folder) == []
    expected = oracle(folder)(features()).pooler_output
    torch.testing.assert_close(network.embed_notes(features()), expected)
    torch.testing.assert_close(network.listen(features()).overall, expected)
    for name, value in network.family_queries.state_dict().items():  # type: ignore[union-attr]
        torch.testing.assert_close(value, heads[name])


def test_names_of_all_versions_of_transformers_are_known(folder: Path, tmp_path: Path) -> None:
    new = oracle(folder).state_dict()
    old = names_of_transformers_4(new)
    assert any("layers.1.attention.q_proj" in name for name in new)
    assert any("encoder.layer.1.attention.attention.query" in name for name in old)
    expected = TimbreNetwork(SAME)
    initialise_from_ast(expected, folder)
    for names in (new, old):
        (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
        save_file(names, tmp_path / "model.safetensors")
        network = TimbreNetwork(SAME)
        initialise_from_ast(network, tmp_path)
        torch.testing.assert_close(network.ast.state_dict(), expected.ast.state_dict())


def test_a_shorter_table_is_cropped(folder: Path) -> None:
    network = TimbreNetwork(replace(SAME, mixture_frames=64))
    assert initialise_from_ast(network, folder) == [POSITIONS]
    whole = oracle(folder).embeddings.position_embeddings
    columns = whole[:, 2:].reshape(5, 10, 32)[:, :5]
    table = network.ast.embeddings.position_embeddings
    torch.testing.assert_close(table[:, :2], whole[:, :2])
    torch.testing.assert_close(table[0, 2:], columns.flatten(0, 1))


@pytest.mark.parametrize("shared_encoder", [True, False])
def test_other_grids_are_interpolated_in_every_encoder(folder: Path, shared_encoder: bool) -> None:
    config = replace(
        SAME, n_mels=128, time_stride=16, hop_samples=320, shared_encoder=shared_encoder
    )
    network = TimbreNetwork(config)
    names = initialise_from_ast(network, folder)
    assert names == [POSITIONS] + [f"mixture_{POSITIONS}"] * (not shared_encoder)
    state = network.state_dict()
    assert {state[name].shape for name in names} == {(1, 2 + 10 * 8, 32)}
    assert len({float(state[name].abs().sum()) for name in names}) == 1
    projection = "ast.embeddings.patch_embeddings.projection.weight"
    expected = oracle(folder).embeddings.patch_embeddings.projection.weight
    torch.testing.assert_close(state[projection], expected)


@pytest.mark.parametrize(
    "target",
    [
        replace(SAME, mixture_frames=100),
        replace(SAME, time_stride=7, mixture_frames=120),
        replace(SAME, hop_samples=320, mixture_frames=64),
        replace(SAME, n_mels=128, frequency_stride=16),
    ],
)
def test_positions_stay_with_their_place_in_frequency_and_time(target: EncoderConfig) -> None:
    """A table that grows linearly with band and second is read off exactly, naively too."""
    source, wanted = PatchGrid.of(SAME), PatchGrid.of(target)
    table = torch.zeros(1, 2 + 5 * 10, 2)
    for row in range(5):
        for column in range(10):
            table[0, 2 + 10 * row + column, 0] = source.bands[row]
            table[0, 2 + 10 * row + column, 1] = source.seconds[column]
    read = resample_positions(table, source, wanted)[0, 2:].reshape(*wanted.shape, 2)
    for row in range(wanted.shape[0]):
        for column in range(wanted.shape[1]):
            # Outside of the source's centres the nearest one counts.
            band = min(max(wanted.bands[row], source.bands[0]), source.bands[-1])
            second = max(wanted.seconds[column], source.seconds[0])
            assert float(read[row, column, 0]) == pytest.approx(float(band), abs=1e-6)
            assert float(read[row, column, 1]) == pytest.approx(float(second), abs=1e-6)


def test_a_longer_table_shares_no_position_between_columns() -> None:
    source, wanted = PatchGrid.of(SAME), PatchGrid.of(replace(SAME, mixture_frames=512))
    ramp = torch.arange(10.0).repeat(5)[None, :, None]
    table = torch.cat([torch.zeros(1, 2, 1), ramp], 1)
    columns = resample_positions(table, source, wanted)[0, 2:, 0].reshape(wanted.shape)[0]
    assert columns.max() == pytest.approx(9)
    assert int((columns.diff() > 0.1).sum()) >= len(columns) - 3


def test_an_ast_of_the_hub(hub: HubServer, folder: Path) -> None:
    files = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    repository = hub.add("someone/ast", {**files, "pytorch_model.bin": b"..."})
    first = repository.branches["main"]
    repository.commit({"config.json": b"{}"})
    network = TimbreNetwork(SAME).eval()
    initialise_from_ast(network, "someone/ast", revision=first)
    torch.testing.assert_close(
        network.embed_notes(features()), oracle(folder)(features()).pooler_output
    )
    assert not [request for request in hub.requests if "pytorch_model" in request]
    with pytest.raises(CheckpointError, match="names no model_type"):
        initialise_from_ast(network, "someone/ast")


def test_out_of_reach_it_says_so(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    network = TimbreNetwork(SAME)
    with pytest.raises(CheckpointError, match="Hub has no model of that name"):
        initialise_from_ast(network, "someone/ast")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="'someone/ast'.*HF_HUB_OFFLINE is set"):
        initialise_from_ast(network, "someone/ast")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 64}, "has hidden_size 32 where the encoder has 64: configure"),
        ({"n_layers": 3, "n_heads": 1}, "has n_layers 2, n_heads 2 where the encoder has 3, 1"),
        ({"patch_size": 8}, "has patch_size 16 where the encoder has 8"),
    ],
)
def test_other_sizes_are_refused(folder: Path, change: dict[str, Any], message: str) -> None:
    network = TimbreNetwork(replace(SAME, **change))
    before = network.embed_notes(features())
    with pytest.raises(CheckpointError, match=message):
        initialise_from_ast(network, folder)
    torch.testing.assert_close(network.embed_notes(features()), before)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("weights gone", "has no model.safetensors: give an AST that is saved as safetensors"),
        ("weights cut", "are damaged"),
        ("another kind", "model of type 'vit': give an Audio Spectrogram"),
        ("two patch sizes", "no single patch_size"),
        ("table of another grid", "asks for 57 positions, its weights have"),
        ("no table", "has no embeddings.position_embeddings"),
        ("a layer short", "do not fit an AST of its size: .*layers.1"),
        ("no transformer", "should hold one Audio Spectrogram Transformer, and holds 0"),
    ],
)
def test_what_is_no_ast_is_refused_in_one_sentence(
    folder: Path, tmp_path: Path, damage: str, message: str
) -> None:
    weights = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    position = "audio_spectrogram_transformer.embeddings.position_embeddings"
    if damage == "another kind":
        config["model_type"] = "vit"
    elif damage == "two patch sizes":
        config["patch_size"] = [16, 16]
    elif damage == "table of another grid":
        config["max_length"] = 144
    elif damage == "no table":
        del weights[position]
    elif damage == "a layer short":
        weights = {name: value for name, value in weights.items() if ".1." not in name}
    elif damage == "no transformer":
        weights = {"weight": torch.zeros(3)}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(weights, tmp_path / "model.safetensors")
    if damage == "weights gone":
        (tmp_path / "model.safetensors").unlink()
    elif damage == "weights cut":
        (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match=message) as refusal:
        initialise_from_ast(TimbreNetwork(SAME), tmp_path)
    assert "\n" not in str(refusal.value)
