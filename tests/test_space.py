"""The Space: what publishing assembles, and that it runs."""

from pathlib import Path

import httpx
import pytest
import yaml
from gradio_client import Client, handle_file
from typer.testing import CliRunner

from cir.cli.main import app
from cir.errors import InputError
from cir.index.database import BUNDLED_PATH
from cir.model.checkpoint import BUNDLED_MODEL
from cir.model.encoder import TimbreEncoder
from cir.publish.space_folder import ROOT, space_variables, write_space_folder
from tests.hub_server import TOKEN, HubServer
from tests.page.database import make_database, running, write_mix
from tests.test_encoder import TINY_CONV

if not (ROOT / "spaces").is_dir():
    pytest.skip("cir is installed without its repository", allow_module_level=True)


def test_the_space_holds_what_it_does_not_load(tmp_path: Path) -> None:
    write_space_folder(tmp_path, BUNDLED_MODEL, "me/sounds")
    model = "cir/assets/model/model.safetensors"
    for name in ("app.py", "LICENSE", "NOTICE", "cir/ui/static/page.css", model):
        assert (tmp_path / name).is_file(), name
    assert not (tmp_path / "cir/assets/database").exists()
    assert not list(tmp_path.rglob("__pycache__"))
    card = yaml.safe_load((tmp_path / "README.md").read_text("utf-8").split("---\n")[1])
    assert (card["models"], card["datasets"], card["sdk"]) == ([], ["me/sounds"], "gradio")
    assert (tmp_path / "app.py").read_bytes() == (ROOT / "app.py").read_bytes()
    # Only what is on the Hub is named to a Space; outside of a clone there is none.
    assert space_variables(BUNDLED_MODEL, BUNDLED_PATH) == {"GRADIO_MCP_SERVER": "True"}
    with pytest.raises(InputError, match="lacks app.py and spaces: clone it"):
        write_space_folder(tmp_path / "out", BUNDLED_MODEL, BUNDLED_PATH, root=tmp_path / "no")


def test_a_space_on_zero_gpu_has_torch_for_cuda(tmp_path: Path) -> None:
    for name, zero_gpu in (("cpu", False), ("gpu", True)):
        write_space_folder(tmp_path / name, "me/model", "me/sounds", zero_gpu=zero_gpu)
        requirements = (tmp_path / name / "requirements.txt").read_text("utf-8")
        assert ("whl/cpu" in requirements) is not zero_gpu
        card = yaml.safe_load((tmp_path / name / "README.md").read_text("utf-8").split("---\n")[1])
        assert card["suggested_hardware"] == ("zero-a10g" if zero_gpu else "cpu-basic")


@pytest.mark.slow
def test_a_published_space_runs(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three go to a Hub on this machine; then the Space is run from what is there."""
    encoder = TimbreEncoder.from_config(TINY_CONV, seed=5)
    encoder.save_pretrained(tmp_path / "model")
    encoder = TimbreEncoder.from_pretrained(tmp_path / "model", device="cpu")
    make_database(tmp_path / "database", encoder).close()
    repositories = ["--model", "me/timbre", "--dataset", "me/sounds", "--space", "me/page"]
    sources = ["--model-folder", str(tmp_path / "model"), "-d", str(tmp_path / "database")]
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = CliRunner().invoke(app, ["publish", *repositories, *sources])
    assert done.exit_code == 0, done.exception
    space = hub.repositories["spaces/me/page"]
    for path, content in space.files.items():
        (tmp_path / "space" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "space" / path).write_bytes(content)
    hub.requests.clear()
    settings = {**space.variables, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}
    with running(["app.py"], tmp_path / "space", settings, tmp_path / "log") as (_, address):
        client = Client(address, verbose=False)
        mix = handle_file(str(write_mix(tmp_path / "mix.wav")))
        found = client.predict(mix, ["bass"], 3, api_name="/search")["families"][0]["matches"]
        assert [match["rank"] for match in found] == [1, 2, 3]
        assert httpx.get(address + found[0]["preview"]).content.startswith(b"OggS")
        endpoints = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
        assert "/find_instruments" in endpoints
    assert "GET /me/timbre/resolve/" in " ".join(hub.requests)
    assert [one for one in hub.requests if one.endswith("/sounds.zip")]
