"""Models by name, against a Hub on this machine: no request leaves it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from cir.errors import CheckpointError
from cir.model.ast_config import EncoderConfig
from cir.model.encoder import TimbreEncoder
from cir.model.hub import push_folder, resolve
from tests.hub_server import TOKEN, HubServer

CARD = b"---\nlicense: apache-2.0\n---\n# A model\n"


def model_files(value: float = 1.0) -> dict[str, bytes]:
    weights = {"weight": np.full((3, 4), value, np.float32)}
    return {
        "config.json": json.dumps({"value": value}).encode(),
        "model.safetensors": save(weights),
        "README.md": CARD,
    }


def write_model(folder: Path, value: float = 1.0) -> Path:
    folder.mkdir()
    for name, content in model_files(value).items():
        (folder / name).write_bytes(content)
    return folder


def read_value(folder: Path) -> float:
    return float(json.loads((folder / "config.json").read_text())["value"])


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.be_the_hub(monkeypatch, tmp_path)
        yield server


def test_a_folder_is_itself(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    assert resolve(folder) == resolve(str(folder)) == folder


def test_downloads_the_files_of_a_model_and_no_others(hub: HubServer) -> None:
    files = {**model_files(), "training.log": b"...", "optimizer.pt": b"..."}
    hub.add("someone/timbre", files)
    folder = resolve("someone/timbre")
    assert {path.name for path in folder.iterdir()} == set(model_files())
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_downloads_the_revision_asked_for(hub: HubServer) -> None:
    repository = hub.add("someone/timbre", model_files(1.0))
    first = repository.branches["main"]
    repository.commit(model_files(2.0))
    repository.commit(model_files(3.0), branch="experiment")
    assert read_value(resolve("someone/timbre")) == 2.0
    assert read_value(resolve("someone/timbre", first)) == 1.0
    assert read_value(resolve("someone/timbre", "experiment")) == 3.0


def test_follows_the_main_branch(hub: HubServer) -> None:
    repository = hub.add("someone/timbre", model_files(1.0))
    assert read_value(resolve("someone/timbre")) == 1.0
    repository.commit(model_files(2.0))
    assert read_value(resolve("someone/timbre")) == 2.0


def test_the_second_time_downloads_nothing(hub: HubServer) -> None:
    hub.add("someone/timbre", model_files())
    first = resolve("someone/timbre")
    hub.requests.clear()
    assert resolve("someone/timbre") == first
    assert not [request for request in hub.requests if "/resolve/" in request]


def test_a_folder_comes_before_a_hub_model(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("someone/timbre", model_files(1.0))
    monkeypatch.chdir(tmp_path)
    Path("someone").mkdir()
    write_model(Path("someone/timbre"), 2.0)
    assert read_value(resolve("someone/timbre")) == 2.0
    assert not hub.requests


def test_a_private_model_needs_its_owners_token(hub: HubServer) -> None:
    hub.add("someone/secret", model_files(), private=True)
    with pytest.raises(CheckpointError, match="no model of that name, or it is private.*hf auth"):
        resolve("someone/secret")
    assert read_value(resolve("someone/secret", token=TOKEN)) == 1.0


@pytest.mark.parametrize(
    ("repo_id", "revision", "message"),
    [
        ("nobody/nothing", None, "no model of that name"),
        ("someone/timbre", "v9", "has no revision 'v9'"),
        ("someone/timbre", "0" * 40, "has no revision '0000"),
        ("someone/gated", None, "must be granted"),
        ("someone/empty", None, r"has no config.json and no model.safetensors"),
        ("someone/unweighted", None, r"has no model.safetensors: give one that"),
        ("some--one/timbre", None, "is no Hub id"),
    ],
)
def test_a_model_that_cannot_be_had_says_why(
    hub: HubServer, repo_id: str, revision: str | None, message: str
) -> None:
    hub.add("someone/timbre", model_files())
    hub.add("someone/gated", model_files(), gated=True)
    hub.add("someone/empty", {"notes.txt": b""})
    hub.add("someone/unweighted", {"config.json": b"{}"})
    with pytest.raises(CheckpointError, match=message):
        resolve(repo_id, revision)


@pytest.mark.parametrize("name", ["timbre", "./models/timbre", "a/b/c", "/no/such/folder", ""])
def test_a_name_that_is_neither_folder_nor_hub_id(name: str, hub: HubServer) -> None:
    with pytest.raises(CheckpointError, match="no model folder|not a model"):
        resolve(name)
    assert not hub.requests


def test_a_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(CheckpointError, match="is a file.*give a folder"):
        resolve(file)


def test_a_folder_has_no_revisions(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    with pytest.raises(CheckpointError, match="has no revision 'v1'"):
        resolve(folder, "v1")


def test_offline_a_model_comes_from_the_cache(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("someone/timbre", model_files())
    online = resolve("someone/timbre")
    hub.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert resolve("someone/timbre") == online
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        resolve("someone/other")
    assert not hub.requests


def test_a_hub_that_fails_leaves_the_cache_in_use(hub: HubServer) -> None:
    hub.add("someone/timbre", model_files())
    online = resolve("someone/timbre")
    hub.broken = True
    assert resolve("someone/timbre") == online
    with pytest.raises(CheckpointError, match="Out of order"):
        resolve("someone/other")


def test_environment_chooses_hub_and_cache(hub: HubServer, tmp_path: Path) -> None:
    hub.add("someone/timbre", model_files())
    script = "from cir.model.hub import resolve; print(resolve('someone/timbre'))"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "0",
    }
    printed = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
    folder = Path(printed.strip())
    assert folder.is_relative_to(tmp_path / "home")
    assert (folder / "model.safetensors").read_bytes() == model_files()["model.safetensors"]


def test_push_then_load_gives_the_same_files(hub: HubServer, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "optimizer.pt").write_bytes(b"not for everyone")
    commit = push_folder(folder, "me/timbre", token=TOKEN, commit_message="First try")
    repository = hub.repositories["me/timbre"]
    assert (repository.branches["main"], repository.messages[-1]) == (commit, "First try")
    assert "optimizer.pt" not in repository.commits[commit]
    loaded = resolve("me/timbre", commit)
    for name, content in model_files().items():
        assert (loaded / name).read_bytes() == content
    with safe_open(loaded / "model.safetensors", "np") as weights:
        assert weights.get_tensor("weight").sum() == 12


def test_an_encoder_pushed_embeds_alike_when_loaded(hub: HubServer) -> None:
    config = EncoderConfig(hidden_size=64, n_layers=1, note_frames=64, mixture_frames=64, n_heads=1)
    encoder = TimbreEncoder.from_config(config, seed=5)
    sound = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    commit = encoder.push_to_hub("me/timbre", token=TOKEN)
    loaded = TimbreEncoder.from_pretrained("me/timbre", revision=commit, device="cpu")
    assert loaded.identity == encoder.identity
    assert loaded.config == config
    expected, found = (model.embed([sound], 16_000) for model in (encoder, loaded))
    np.testing.assert_allclose(found, expected, atol=1e-3)  # weights are stored as float16


def test_push_again_is_one_more_commit(hub: HubServer, tmp_path: Path) -> None:
    first = push_folder(write_model(tmp_path / "one", 1.0), "me/timbre", token=TOKEN)
    second = push_folder(write_model(tmp_path / "two", 2.0), "me/timbre", token=TOKEN)
    assert len(hub.repositories["me/timbre"].commits) == 3  # with the one that made it
    assert read_value(resolve("me/timbre", first)) == 1.0
    assert read_value(resolve("me/timbre", second)) == read_value(resolve("me/timbre")) == 2.0


def test_push_makes_a_private_repository_where_asked(hub: HubServer, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    push_folder(folder, "me/secret", private=True, token=TOKEN)
    assert hub.repositories["me/secret"].private
    push_folder(folder, "me/open", token=TOKEN)
    assert not hub.repositories["me/open"].private


def test_push_without_a_token_says_to_log_in(hub: HubServer, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    with pytest.raises(CheckpointError, match="did not let us write to 'me/timbre'.*hf auth login"):
        push_folder(folder, "me/timbre", token=False)
    assert not hub.repositories


def test_push_of_a_bad_card_makes_no_commit(hub: HubServer, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "README.md").write_text("no metadata\n")
    with pytest.raises(CheckpointError, match="no metadata"):
        push_folder(folder, "me/timbre", token=TOKEN)
    assert len(hub.repositories["me/timbre"].commits) == 1


@pytest.mark.parametrize("repo_id", ["", "timbre", "a/b/c", "me/tim bre"])
def test_push_to_a_name_that_is_none(hub: HubServer, tmp_path: Path, repo_id: str) -> None:
    with pytest.raises(CheckpointError, match="is no Hub id"):
        push_folder(write_model(tmp_path / "model"), repo_id, token=TOKEN)


def test_push_of_no_model_asks_the_hub_nothing(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no model folder"):
        push_folder(tmp_path / "missing", "me/timbre", token=TOKEN)
    with pytest.raises(CheckpointError, match="has no config.json"):
        push_folder(tmp_path, "me/timbre", token=TOKEN)
    assert not hub.requests


def test_push_offline_says_so(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        push_folder(write_model(tmp_path / "model"), "me/timbre", token=TOKEN)
