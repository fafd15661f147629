import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from cir import holding
from cir.errors import InputError
from cir.files import (
    bring_back,
    expand_data_folder,
    is_temporary,
    replace_folder,
    replacing,
    replacing_folder,
    set_aside,
    workspace,
)

_ON_A_FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file
from cir.audio.io import save_opus, save_wav
from cir.errors import StorageError
from cir.files import replacing

noise = np.random.default_rng(0).uniform(-0.3, 0.3, 480_000).astype(np.float32)
disk = Path(sys.argv[1])

def tensors():
    with replacing(disk / "a.safetensors") as path:
        save_file({"a": noise}, path)

def plain():
    with replacing(disk / "a.txt") as path:
        path.write_bytes(bytes(1 << 20))

def fill_and_play():
    (disk / "rest").write_bytes(bytes(290_000))
    save_opus(disk / "a.opus", noise, 48_000)

for write in (tensors, plain, lambda: save_wav(disk / "a.wav", noise, 48_000), fill_and_play):
    try:
        write()
    except StorageError as error:
        print(str(error).startswith("The disk is full: "), end=" ")
print([path.name for path in disk.iterdir()])
"""


def test_the_target_appears_whole_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table.csv"
    with replacing(target) as temporary:
        assert temporary.suffix == ".csv"
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in ("first", "second"):
        new = tmp_path / "new"
        new.mkdir()
        (new / content).touch()
        replace_folder(new, target)
        assert [path.name for path in target.iterdir()] == [content]
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "missing", target)
    assert target.is_dir() and not set_aside(target).exists()


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    for words in ("first", "second"):
        with replacing_folder(target) as temporary:
            (temporary / words).touch()
        assert [path.name for path in target.iterdir()] == [words]
    with pytest.raises(KeyError), replacing_folder(target) as temporary:
        (temporary / "third").touch()
        raise KeyError
    assert [path.name for path in target.iterdir()] == ["second"]
    assert [path.name for path in target.parent.iterdir()] == ["folder"]


def test_a_full_disk_is_one_sentence_whoever_notices_it(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=300k tmpfs {tmp_path} && exec "
    command = ["unshare", "-rm", "sh", "-c", mount + '"$0" -c "$1" "$2"']
    allowed = shutil.which("unshare") and subprocess.run(["unshare", "-rm", "true"], check=False)
    if not allowed or allowed.returncode:
        pytest.skip("needs a file system of its own (unshare)")
    done = subprocess.run(
        [*command, sys.executable, _ON_A_FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr:
        pytest.skip("may not mount")
    assert done.stdout.split("\n")[0] == "True True True True ['rest']", done.stderr


def test_what_a_killed_writer_put_aside_comes_back(tmp_path: Path) -> None:
    set_aside(tmp_path / "a").mkdir()
    bring_back(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_folders_of_killed_writers_go_and_those_in_work_stay(tmp_path: Path) -> None:
    left = tmp_path / f".a-{'0' * 32}"
    left.mkdir()
    (left / "half").touch()
    with replacing_folder(tmp_path / "a") as first:
        assert not left.exists()
        with replacing_folder(tmp_path / "a") as second:
            (second / "second").touch()
        assert first.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_workspaces_of_killed_processes_go_and_those_in_work_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "cir-test-left").mkdir()
    (tmp_path / "cir-other-left").mkdir()
    with workspace("test") as first:
        assert not (tmp_path / "cir-test-left").exists()
        with workspace("test") as second:
            assert first.is_dir() and second.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["cir-other-left"]


def test_temporary_files_are_known_by_their_names(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.csv") as temporary:
        assert is_temporary(temporary)
        temporary.touch()
    assert not any(is_temporary(Path(name)) for name in (".lock", "a.csv", f"{'0' * 32}.csv"))


def test_where_there_are_no_locks_nothing_is_taken_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / f".table-{uuid.uuid4().hex}"
    left.mkdir()
    monkeypatch.setattr(holding, "fcntl", None)  # as on Windows
    with replacing_folder(tmp_path / "table") as unfinished:
        (unfinished / "row").touch()
    assert (tmp_path / "table" / "row").exists()
    assert left.exists()
    monkeypatch.undo()
    with replacing_folder(tmp_path / "table") as unfinished:
        (unfinished / "row").touch()
    assert not left.exists()


def test_a_path_may_name_the_folder_of_note_banks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIR_DATA", str(tmp_path))
    assert expand_data_folder("$CIR_DATA/surge") == tmp_path / "surge"
    monkeypatch.delenv("CIR_DATA")
    assert expand_data_folder("surge$") == Path("surge$")
    with pytest.raises(InputError, match=r"\$CIR_DATA/surge needs the environment variable"):
        expand_data_folder("$CIR_DATA/surge")
