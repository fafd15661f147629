"""Models by name, against a Hub on this machine: no request leaves it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from cir.errors import CheckpointError
from cir.model.encoder import TimbreEncoder
from cir.model.hub import push_folder, resolve
from cir.model.network_config import EncoderConfig
from tests.hub_server import TOKEN, HubServer

NO_MODEL = "no model folder|not a model"
CARD = b"---\nlicense: apache-2.0\n---\n# A model\n"


def model_files(value: float = 1.0) -> dict[str, bytes]:
    config = json.dumps({"value": value}).encode()
    weights = save({"weight": np.full((3, 4), value, np.float32)})
    return {"config.json": config, "model.safetensors": weights, "README.md": CARD}


def write_model(folder: Path, value: float = 1.0) -> Path:
    folder.mkdir()
    for name, content in model_files(value).items():
        (folder / name).write_bytes(content)
    return folder


def read_value(folder: Path) -> float:
    return float(json.loads((folder / "config.json").read_text())["value"])


def test_a_folder_is_itself_without_the_hub_and_has_no_revisions(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("someone/timbre", model_files(1.0))
    (tmp_path / "someone").mkdir()
    folder = write_model(tmp_path / "someone" / "timbre", 2.0)
    assert resolve(folder) == resolve(str(folder)) == folder
    monkeypatch.chdir(tmp_path)
    assert read_value(resolve("someone/timbre")) == 2.0
    assert not hub.requests
    with pytest.raises(CheckpointError, match="has no revision 'v1'"):
        resolve(folder, "v1")
    with pytest.raises(CheckpointError, match="is a file.*give a folder"):
        resolve(folder / "model.safetensors")


def test_downloads_the_files_of_a_model_and_no_others_once(hub: HubServer) -> None:
    files = {**model_files(), "training.log": b"...", "optimizer.pt": b"..."}
    hub.add("someone/timbre", files)
    folder = resolve("someone/timbre")
    assert {path.name for path in folder.iterdir()} == set(model_files())
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    hub.requests.clear()
    assert resolve("someone/timbre") == folder
    assert not [request for request in hub.requests if "/resolve/" in request]


def test_downloads_the_revision_asked_for_or_the_main_branch(hub: HubServer) -> None:
    repository = hub.add("someone/timbre", model_files(1.0))
    first = repository.branches["main"]
    assert read_value(resolve("someone/timbre")) == 1.0
    repository.commit(model_files(2.0))
    repository.commit(model_files(3.0), branch="experiment")
    assert read_value(resolve("someone/timbre")) == 2.0
    assert read_value(resolve("someone/timbre", first)) == 1.0
    assert read_value(resolve("someone/timbre", "experiment")) == 3.0


@pytest.mark.parametrize(
    ("repo_id", "revision", "message"),
    [
        ("nobody/nothing", None, "no model of that name"),
        ("someone/timbre", "v9", "has no revision 'v9'"),
        ("someone/timbre", "0" * 40, "has no revision '0000"),
        ("someone/gated", None, "must be granted"),
        ("someone/secret", None, "no model of that name, or it is private.*hf auth"),
        ("someone/empty", None, r"has no config.json and no model.safetensors"),
        ("someone/unweighted", None, r"has no model.safetensors: give one that"),
        ("some--one/timbre", None, "is no Hub id"),
        *[(name, None, NO_MODEL) for name in ("timbre", "./me/timbre", "a/b/c", "/no/folder", "")],
    ],
)
def test_a_model_that_cannot_be_had_says_why(
    hub: HubServer, repo_id: str, revision: str | None, message: str
) -> None:
    hub.add("someone/timbre", model_files())
    hub.add("someone/gated", model_files(), gated=True)
    hub.add("someone/secret", model_files(), private=True)
    hub.add("someone/empty", {"notes.txt": b""})
    hub.add("someone/unweighted", {"config.json": b"{}"})
    with pytest.raises(CheckpointError, match=message):
        resolve(repo_id, revision)
    assert not (message == NO_MODEL and hub.requests)
    assert read_value(resolve("someone/secret", token=TOKEN)) == 1.0


def test_without_a_hub_the_cache_is_used(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("someone/timbre", model_files())
    online = resolve("someone/timbre")
    hub.broken = True
    assert resolve("someone/timbre") == online
    with pytest.raises(CheckpointError, match="Out of order"):
        resolve("someone/other")
    hub.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert resolve("someone/timbre") == online
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        resolve("someone/other")
    assert not hub.requests


@pytest.mark.slow
def test_environment_chooses_hub_and_cache(hub: HubServer, tmp_path: Path) -> None:
    hub.add("someone/timbre", model_files())
    script = "from cir.model.hub import resolve; print(resolve('someone/timbre'))"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": f"{tmp_path}/home"}
    command = [sys.executable, "-c", script]
    folder = Path(subprocess.check_output(command, env=environment, text=True).strip())
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


@pytest.mark.slow
def test_push_again_commits_and_is_private_where_asked(hub: HubServer, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "one", 1.0)
    first = push_folder(folder, "me/timbre", token=TOKEN)
    second = push_folder(write_model(tmp_path / "two", 2.0), "me/timbre", token=TOKEN)
    assert len(hub.repositories["me/timbre"].commits) == 3  # with the one that made it
    assert read_value(resolve("me/timbre", first)) == 1.0
    assert read_value(resolve("me/timbre", second)) == read_value(resolve("me/timbre")) == 2.0
    push_folder(folder, "me/secret", private=True, token=TOKEN)
    assert [hub.repositories[name].private for name in ("me/timbre", "me/secret")] == [False, True]
    (folder / "README.md").write_text("no metadata\n")
    with pytest.raises(CheckpointError, match="no metadata"):
        push_folder(folder, "me/bad", token=TOKEN)
    assert len(hub.repositories["me/bad"].commits) == 1


def test_what_cannot_be_pushed_says_why_and_asks_the_hub_nothing(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(tmp_path / "model")
    for path, repo_id, words in (
        (tmp_path / "missing", "me/timbre", "no model folder"),
        (tmp_path, "me/timbre", "has no config.json"),
        *[(folder, one, "is no Hub id") for one in ("", "timbre", "a/b/c", "me/tim bre")],
    ):
        with pytest.raises(CheckpointError, match=words):
            push_folder(path, repo_id, token=TOKEN)
    assert not hub.requests
    with pytest.raises(CheckpointError, match="did not let us write to 'me/timbre'.*hf auth login"):
        push_folder(folder, "me/timbre", token=False)
    assert not hub.repositories
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        push_folder(folder, "me/timbre", token=TOKEN)
