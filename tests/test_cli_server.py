"""The commands, with a database on a Chroma server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cir.audio.io import save_wav
from cir.cli.main import main
from cir.index.database import InstrumentDatabase
from tests.chroma_server import ChromaServer
from tests.fakes import SpectrumEncoder, tone

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChromaServer]:
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.chdir(tmp_path)
    for command in ("search", "database"):
        module = sys.modules[f"cir.cli.{command}"]
        monkeypatch.setattr(module, "load_encoder", lambda _: SpectrumEncoder())
    made = ChromaServer(tmp_path / "chroma")
    made.start()
    yield made
    made.kill()


def _run(*arguments: str) -> None:
    sys.argv = ["cir", *arguments]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code


def test_add_search_export_and_import(
    server: ChromaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    address = server.address("mine")
    for number in range(4):
        sound = Path("sounds") / "Bass" / f"note {number}.wav"
        sound.parent.mkdir(parents=True, exist_ok=True)
        save_wav(sound, tone(60.0 * 1.4**number), 16_000)
    _run("database", "add", "sounds", "--database", address)
    _run("database", "add", "sounds", "--database", address)  # all of it is there
    capsys.readouterr()
    _run("database", "info", "--database", address, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["path"], told["n_instruments"]) == (address, 4)
    save_wav(Path("mix.wav"), tone(60.0 * 1.4**2), 16_000)
    _run("search", "mix.wav", "-f", "bass", "-k", "2", "--database", address, "--json")
    (family,) = json.loads(capsys.readouterr().out)["families"]
    assert family["matches"][0]["name"].lower() == "note 2"
    assert Path(family["matches"][0]["preview"]).is_file()
    _run("database", "export", "copy.zip", "--database", address)
    _run("database", "import", "copy.zip", "--database", server.address("other"))
    _run("database", "export", "copy", "--database", server.address("other"))
    assert len(InstrumentDatabase.open("copy")) == 4
    _run("database", "chroma", "--database", "copy", "--to", server.address("third"))
    assert "has 4 instruments" in capsys.readouterr().out
