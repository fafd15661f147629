"""What a page leaves behind when it ends, however it ends: nothing, or nothing for long."""

import os
import signal
import tempfile
import time
from pathlib import Path

import gradio.mcp
import httpx
import pytest
from gradio.utils import get_upload_folder

from cir.cli.main import EXIT_TERMINATED
from cir.errors import InputError
from cir.ui.server.temporary_files import UPLOAD_SECONDS, remove_old_uploads, temporary_files
from tests.page.database import running
from tests.systems import needs_posix

ROOT = Path(__file__).parent.parent
PAGE = """
import sys
from pathlib import Path
from cir.cli.main import clean_up_when_terminated
from cir.index.database import InstrumentDatabase
from cir.ui import serve
from cir.ui.service import PageService
from tests.fakes import SpectrumEncoder

clean_up_when_terminated()
encoder, folder = SpectrumEncoder(), Path(sys.argv[1])
service = PageService(encoder, InstrumentDatabase.create(folder / "database", encoder))
serve.service_from_environment = lambda: service
serve.serve()
"""


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "base"))
    return tmp_path / "base"


def test_everything_temporary_lies_in_one_folder_for_a_while(base: Path) -> None:
    before = tempfile.gettempdir()
    with temporary_files() as folder:
        assert folder.parent == base
        assert Path(get_upload_folder()) == folder / "uploads"
        assert get_upload_folder() == gradio.mcp.DEFAULT_TEMP_DIR
        with tempfile.NamedTemporaryFile(delete=False) as file:
            assert Path(file.name).parent == folder / "work"
    assert list(base.iterdir()) == []
    assert (get_upload_folder(), tempfile.gettempdir()) == (str(base), before)


@needs_posix
def test_the_next_page_removes_what_a_killed_one_left(base: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with temporary_files() as folder:
            (folder / "uploads" / "mix.wav").touch()
            os.write(writer, b".")
            time.sleep(600)
    os.read(reader, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(files_in(base)) == 1
    with temporary_files() as folder:
        assert list(base.iterdir()) == [folder]
        (folder / "uploads" / "mix.wav").touch()
        with temporary_files() as other:  # two pages leave each other alone
            assert other != folder
        assert (folder / "uploads" / "mix.wav").exists()


def test_a_place_that_cannot_be_written(base: Path) -> None:
    base.touch()
    with pytest.raises(InputError, match="set GRADIO_TEMP_DIR to a"), temporary_files():
        pass


def test_uploads_go_after_an_hour_and_visits_stay(tmp_path: Path) -> None:
    long_ago = time.time() - UPLOAD_SECONDS - 1
    old = [tmp_path / "aa" / "mix.wav", tmp_path / "tmpbroken", tmp_path / "bb" / "mix.wav"]
    visit = tmp_path / "cir-sessions" / "token" / "mix.wav"
    for path in (*old, visit):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (long_ago, long_ago))
    new = tmp_path / "bb" / "other.wav"
    new.touch()
    remove_old_uploads(tmp_path)
    assert set(files_in(tmp_path)) == {visit, new}
    os.utime(tmp_path / "aa", (long_ago, long_ago))
    remove_old_uploads(tmp_path)
    assert not (tmp_path / "aa").exists()
    assert tmp_path.exists()


@pytest.mark.slow
def test_a_terminated_page_is_cleaned_up(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    settings = {"CIR_HOME": str(tmp_path / "home"), "GRADIO_TEMP_DIR": str(temporary)}
    settings |= {"GRADIO_ANALYTICS_ENABLED": "False"}
    page = ["-c", PAGE, str(tmp_path)]
    with running(page, ROOT, settings, tmp_path / "log") as (process, address):
        files = {"files": ("mix.wav", b"RIFF")}
        assert httpx.post(f"{address}gradio_api/upload", files=files).status_code == 200
        assert len(files_in(temporary)) == 1
        process.terminate()
        assert process.wait(timeout=60) == EXIT_TERMINATED
    assert list(temporary.glob("cir-page-*")) == []
