"""The commands, with a database on a Chroma server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.cli.database import watch
from cir.cli.main import main
from cir.errors import InputError
from cir.index.database import InstrumentDatabase
from cir.index.opening import open_database
from tests.chroma_server import ChromaServer
from tests.fakes import SpectrumEncoder, instrument, tone

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


def test_a_database_is_added_to_a_server(server: ChromaServer) -> None:
    local = InstrumentDatabase.create("local", SpectrumEncoder())
    local.add([instrument("a"), instrument("b")], np.eye(2, 32))
    address = server.address("brought")
    _run("database", "add", "local", "--database", address)
    assert sorted(open_database(address).instruments().ids) == ["a", "b"]


def test_what_goes_here_goes_from_the_server(
    server: ChromaServer, capsys: pytest.CaptureFixture[str]
) -> None:
    address = server.address("shrinking")
    for number in range(3):
        sound = Path("sounds") / f"bass {number}.wav"
        sound.parent.mkdir(exist_ok=True)
        save_wav(sound, tone(60.0 * 1.4**number), 16_000)
    _run("database", "add", "sounds", "--database", address)
    remote = open_database(address)
    remote.add([instrument("of-another-machine")], np.ones((1, 32)))
    for path in (Path("home") / "servers").glob("*-sent.json"):  # as older versions left it
        path.unlink()
    (Path("sounds") / "bass 1.wav").unlink()
    capsys.readouterr()
    _run("database", "add", "sounds", "--database", address, "--remove-missing")
    assert f"to {address}; 2 were there already; 1 removed" in capsys.readouterr().out
    (Path("sounds") / "bass 2.wav").unlink()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys.modules["cir.cli.database"], "_send", lambda _: None)  # interrupted
        _run("database", "add", "sounds", "--database", address, "--remove-missing")
    assert len(open_database(address)) == 3
    _run("database", "add", "sounds", "--database", address)
    names = sorted(one.name.lower() for one in open_database(address).instruments())
    assert names == ["bass 0", "of another machine"]


def test_a_server_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sounds").mkdir()
    with pytest.raises(InputError, match="`watch` keeps a folder current"):
        watch([Path("sounds")], Path("chroma://localhost:9/mine"))
    assert [path.name for path in tmp_path.iterdir()] == ["sounds"]
