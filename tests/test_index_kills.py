"""Whatever is killed in the middle goes on with the same call, and leaves nothing behind."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import InputError
from cir.index.bundle import HEADER_NAME, read_bundle
from cir.index.database import InstrumentDatabase
from cir.library.database_archive import export_archive, import_archive
from cir.library.sounds import add_sounds
from tests.fakes import SpectrumEncoder, tone
from tests.systems import needs_posix

pytestmark = [pytest.mark.slow, needs_posix]

_ENCODER = SpectrumEncoder()
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    for name, pitch in (("Basses/a.wav", 60.0), ("b.wav", 500.0)):
        save_wav(tmp_path / "kit" / name, tone(pitch, 0.2), 16_000)
    return tmp_path / "kit"


def _killed(act: Callable[[], object], step: int, root: Path) -> bool:
    """Run something in a process that is killed before its change number `step` below a folder.

    Returns:
        Whether it came so far.
    """
    pid = os.fork()
    if pid == 0:
        left = step

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
            if (opened or event in _CHANGES) and str(arguments[0]).startswith(str(root)):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

        try:
            sys.addaudithook(count)
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def _walk(prepare: Callable[[int], Path], act: Callable[[Path], object]) -> Iterator[Path]:
    """Kill an act at each of its changes, each time in a folder of its own."""
    step = 0
    while True:
        folder = prepare(step)
        if not _killed(partial(act, folder), step, folder):
            break
        yield folder
        step += 1
    assert step > 5, "it walked over nothing"


def _check(folder: Path, expected: Path) -> None:
    """Make sure that a database is whole, equal to another one and holds no file beside it."""
    one, other = read_bundle(folder), read_bundle(expected)
    assert one.catalog == other.catalog
    np.testing.assert_allclose(one.embeddings, other.embeddings, atol=1e-6)
    assert _files(folder) == _files(expected)


def _files(folder: Path) -> list[str]:
    """All files, tables without what tells their versions apart."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return sorted(name.partition("-")[0] if "/" not in name else name for name in names)


def test_create(tmp_path: Path, own_temporary_folder: Path) -> None:
    InstrumentDatabase.create(tmp_path / "whole", _ENCODER)

    def create(folder: Path) -> None:
        InstrumentDatabase.create(folder, _ENCODER, may_exist=True)

    for folder in _walk(lambda step: tmp_path / f"db-{step}", create):
        create(folder)
        _check(folder, tmp_path / "whole")


def test_add(tmp_path: Path, kit: Path, own_temporary_folder: Path) -> None:
    add_sounds(tmp_path / "whole", _ENCODER, [kit])

    def add(folder: Path) -> None:
        add_sounds(folder, _ENCODER, [kit])

    for folder in _walk(lambda step: tmp_path / f"db-{step}", add):
        add(folder)
        _check(folder, tmp_path / "whole")
        assert list(own_temporary_folder.iterdir()) == []


def test_add_to_what_is_there(tmp_path: Path, kit: Path) -> None:
    def prepare(step: int) -> Path:
        add_sounds(tmp_path / f"db-{step}", _ENCODER, [kit / "b.wav"])
        return tmp_path / f"db-{step}"

    def add(folder: Path) -> None:
        add_sounds(folder, _ENCODER, [kit / "Basses" / "a.wav"])

    prepare(-1)
    add(tmp_path / "db--1")
    for folder in _walk(prepare, add):
        assert len(read_bundle(folder).catalog) in (1, 2)  # readable at once
        add(folder)
        _check(folder, tmp_path / "db--1")


def test_remove(tmp_path: Path, kit: Path) -> None:
    def prepare(step: int) -> Path:
        add_sounds(tmp_path / f"db-{step}", _ENCODER, [kit])
        return tmp_path / f"db-{step}"

    def remove(folder: Path) -> None:
        InstrumentDatabase.open(folder).remove(["kit-b"])

    remove(prepare(-1))
    for folder in _walk(prepare, remove):
        try:
            remove(folder)
        except InputError:  # it is gone already
            add_sounds(folder, _ENCODER, [kit / "b.wav"])
            InstrumentDatabase.open(folder).remove(["kit-b"])
        _check(folder, tmp_path / "db--1")


def test_import(tmp_path: Path, kit: Path, own_temporary_folder: Path) -> None:
    add_sounds(tmp_path / "whole", _ENCODER, [kit])
    export_archive(tmp_path / "whole", tmp_path / "out.zip")

    def bring(folder: Path) -> None:
        import_archive(folder, _ENCODER, tmp_path / "out.zip")

    bring(tmp_path / "brought")

    for folder in _walk(lambda step: tmp_path / f"db-{step}", bring):
        bring(folder)
        _check(folder, tmp_path / "brought")
        assert list(own_temporary_folder.iterdir()) == []


def test_two_processes_on_a_new_folder_both_succeed(tmp_path: Path, kit: Path) -> None:
    waits, starts = os.pipe()
    children = []
    for name in ("Basses/a.wav", "b.wav"):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.read(waits, 1)
                add_sounds(tmp_path / "db", _ENCODER, [kit / name])
                code = 0
            finally:
                os._exit(code)
        children.append(pid)
    os.write(starts, b"go")
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]
    assert len(read_bundle(tmp_path / "db").catalog) == 2


def test_a_folder_of_something_else_is_no_unfinished_database(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "instruments.csv").write_text("mine")
    with pytest.raises(Exception, match="holds other files"):
        InstrumentDatabase.create(tmp_path / "db", _ENCODER)
    assert not (tmp_path / "db" / HEADER_NAME).exists()
    assert (tmp_path / "db" / "instruments.csv").read_text() == "mine"
