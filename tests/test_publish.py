"""`cir publish` against a Hub on this machine: no request leaves it."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from cir.cli.main import app
from cir.errors import CheckpointError, CirError, DatabaseError, InputError
from cir.index.database import InstrumentDatabase
from cir.library.remote import resolve_database
from cir.model.encoder import TimbreEncoder
from cir.model.network_config import EncoderConfig
from cir.publish.dataset_folder import write_dataset_folder
from cir.publish.front_matter import with_values
from cir.publish.upload import RepositoryUpload, refuse_secrets, send
from tests.fakes import SpectrumEncoder
from tests.hub_server import TOKEN, HubServer
from tests.page.database import make_database

pytestmark = pytest.mark.slow

ALL = ["--model", "me/timbre", "--dataset", "me/sounds", "--space", "me/page"]


@pytest.fixture
def own_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """A Hub that this user may write to."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("publish") / "database"
    make_database(folder, SpectrumEncoder()).close()
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = EncoderConfig(hidden_size=64, n_layers=1, note_frames=64, mixture_frames=64, n_heads=1)
    folder = tmp_path_factory.mktemp("publish") / "model"
    TimbreEncoder.from_config(config, seed=5).save_pretrained(folder)
    return folder


@pytest.fixture
def sources(model: Path, database: Path) -> list[str]:
    return ["--model-folder", str(model), "--database", str(database)]


def run(*arguments: str) -> str:
    """Run `cir publish`; what it printed."""
    result = CliRunner().invoke(app, ["publish", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.mark.slow
def test_all_three_are_uploaded_once(own_hub: HubServer, sources: list[str]) -> None:
    printed = run(*ALL, *sources)
    assert f"me/page is at {own_hub.url}/spaces/me/page" in printed
    made = own_hub.repositories
    assert made.keys() == {"me/timbre", "datasets/me/sounds", "spaces/me/page"}
    assert {"config.json", "model.safetensors", "README.md"} <= made["me/timbre"].files.keys()
    space = made["spaces/me/page"]
    assert space.sdk == "gradio"
    named = {"CIR_MODEL": "me/timbre", "CIR_DATABASE": "me/sounds"}
    assert space.variables == {**named, "GRADIO_MCP_SERVER": "True"}
    assert {"app.py", "cir/retrieval/retriever.py", "requirements.txt"} <= space.files.keys()
    assert not [path for path in space.files if path.startswith("cir/assets/database")]
    card = yaml.safe_load(space.files["README.md"].decode().split("---\n")[1])
    assert (card["models"], card["datasets"]) == (["me/timbre"], ["me/sounds"])
    before = {name: len(repository.commits) for name, repository in made.items()}
    own_hub.requests.clear()
    run(*ALL, *sources)
    assert not [one for one in own_hub.requests if "/stored/" in one or "/commit/" in one]
    assert before == {name: len(repository.commits) for name, repository in made.items()}


def test_what_was_published_is_loaded_again(
    own_hub: HubServer, sources: list[str], database: Path, model: Path
) -> None:
    run("--model", "me/timbre", "--dataset", "me/sounds", *sources)
    loaded = TimbreEncoder.from_pretrained("me/timbre", device="cpu")
    assert loaded.identity == TimbreEncoder.from_pretrained(model, device="cpu").identity
    own_hub.requests.clear()
    found = resolve_database("me/sounds")
    downloads = [one for one in own_hub.requests if one.startswith("GET") and "/resolve/" in one]
    assert len(downloads) < 10  # the sounds are one file
    with InstrumentDatabase.open(database) as old, InstrumentDatabase.open(found) as new:
        assert sorted(new.instruments(), key=str) == sorted(old.instruments(), key=str)
        for one, other in ((new, old), (old, new)):
            ids, vectors = one.embeddings()
            own = dict(zip(ids, vectors, strict=True))
            assert all(
                np.array_equal(own[name], vector)
                for name, vector in zip(*other.embeddings(), strict=True)
            )
        for row in old.instruments():
            before, after = old.preview_path(row.instrument_id), new.preview_path(row.instrument_id)
            assert before is not None and after is not None
            assert after.read_bytes() == before.read_bytes()
    assert resolve_database("me/sounds") == found
    own_hub.add("datasets/someone/empty", {"notes.txt": b""})
    for name, words in (("nobody/nothing", "of that name"), ("someone/empty", "of this")):
        with pytest.raises(DatabaseError, match=f"no database {words}"):
            resolve_database(name)


def test_an_upload_that_broke_goes_on(
    own_hub: HubServer, sources: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_hub.lost_commits = 1
    with pytest.raises(CheckpointError, match="could not be pushed to 'me/sounds'.*try again"):
        run("--dataset", "me/sounds", *sources)
    stored = dict(own_hub.large)
    assert stored
    own_hub.requests.clear()
    run("--dataset", "me/sounds", *sources)
    assert not [request for request in own_hub.requests if "/stored/" in request]
    assert "sounds.zip" in own_hub.repositories["datasets/me/sounds"].files
    assert own_hub.large == stored
    # Xet's pipeline sends a folder in pieces, as long as no file is large.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    own_hub.large_suffixes = ()
    run("--dataset", "me/others", *sources)
    assert "sounds.zip" in own_hub.repositories["datasets/me/others"].files


def test_a_dry_run_and_kept_folders_ask_the_hub_nothing(
    hub: HubServer, sources: list[str], tmp_path: Path
) -> None:
    printed = run(*ALL, *sources, "--dry-run")
    assert "model me/timbre: 3 files" in printed
    assert re.search(r"\d [kM]B  sounds\.zip", printed) and "CIR_DATABASE=me/sounds" in printed
    assert printed.rstrip().endswith("Nothing was sent.")
    to_folder = ("--model", "me/timbre", *sources, "--to", str(tmp_path / "out"))
    assert "nothing was sent" in run(*to_folder)
    assert not hub.requests
    assert json.loads((tmp_path / "out" / "model" / "config.json").read_text())
    with pytest.raises(DatabaseError, match="holds other files already"):
        run(*to_folder)


@pytest.mark.slow
def test_a_private_space_holds_all(own_hub: HubServer, sources: list[str], database: Path) -> None:
    run(*ALL, *sources, "--private")
    assert all(repository.private for repository in own_hub.repositories.values())
    space = own_hub.repositories["spaces/me/page"]
    assert space.variables == {"GRADIO_MCP_SERVER": "True"}
    kept = space.files["cir/assets/database/database.json"]
    assert kept == (database / "database.json").read_bytes()


def test_the_dataset_tells_what_is_in_it(database: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        write_dataset_folder(folder, database, "me/sounds", model_id="me/timbre", notice="Thanks.")
    for path in folder.iterdir():  # the same database makes the same files
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()
    card = (folder / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == ["cc0-1.0"]
    assert header["configs"][0]["data_files"] == "sounds.zip"
    with InstrumentDatabase.open(database) as opened:
        count = len(opened)
        assert f"{count} musical instruments" in card
        assert f"| surge | CC0-1.0 | {count} |" in card
        assert opened.identity in card and "https://huggingface.co/me/timbre" in card
    with zipfile.ZipFile(folder / "sounds.zip") as archive:
        names = set(archive.namelist())
        rows = archive.read("metadata.csv").decode().splitlines()
    assert len(rows) == count + 1
    assert rows[0].startswith("file_name,instrument_id,name,family")
    assert {row.split(",")[0] for row in rows[1:]} == names - {"metadata.csv"}


def test_a_token_in_a_file_stops_everything(
    own_hub: HubServer, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    for content in ("key = 'hf_" + "a1B2" * 9 + "'", TOKEN):
        (tmp_path / "deep" / "notes.py").write_text("\0" + content)
        with pytest.raises(InputError, match="deep/notes.py holds what looks like") as caught:
            refuse_secrets(tmp_path, TOKEN)
        assert content not in str(caught.value)
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    (folder / "README.md").write_text(f"---\nlicense: mit\n---\n{TOKEN}\n")
    with pytest.raises(InputError, match="README.md holds"):
        run("--model", "me/timbre", "--model-folder", str(folder))
    assert not own_hub.requests


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ([], InputError, "Nothing to publish: name at least one"),
        (["--model", "timbre", "--dry-run"], CheckpointError, "'timbre' is no Hub id"),
        (["--model", "me/timbre"], CheckpointError, "token of the Hub: log in with `hf auth"),
        (["--model", "me/t", "--model-folder", "no/such"], CheckpointError, "no model folder"),
        (["--dataset", "me/t", "-d", "no/such"], DatabaseError, "no database in no/such"),
    ],
)
def test_what_cannot_be_published_says_why(
    hub: HubServer,
    arguments: list[str],
    error: type[CirError],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "no/such" in arguments:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(error, match=sentence):
        run(*arguments)
    assert not hub.requests


def test_a_refused_push_says_why(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for repo_id, token, sentence in (
        ("them/timbre", TOKEN, "did not let us write to 'them/timbre' .You don't have the rights"),
        ("me/timbre", "hf_of_a_stranger", "did not let us write to 'me/timbre'.*hf auth login"),
    ):
        with pytest.raises(CheckpointError, match=sentence):
            send(RepositoryUpload("model", repo_id, tmp_path), token=token)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set.*connect to the Hub"):
        send(RepositoryUpload("model", "me/timbre", tmp_path), token=TOKEN)


def test_a_card_without_front_matter_is_refused() -> None:
    changed = with_values("---\na: 1\nb: é\n---\n# Hi\n", {"a": [2]})
    assert changed == "---\na:\n- 2\nb: é\n---\n# Hi\n"
    for card in ("# Hi\n", "---\n- a\n---\n", "---\na: [\n---\n"):
        with pytest.raises(InputError, match="must begin with YAML"):
            with_values(card, {})
