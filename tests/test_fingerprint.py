"""What a dataset's fingerprint depends on."""

import os
from pathlib import Path

import pytest

from cir.datasets.base import fingerprint
from cir.errors import InputError


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.csv", tmp_path / "b.opus"]
    for path in paths:
        path.write_text(path.name, encoding="utf-8")
    return paths


def test_a_copy_written_at_another_time_is_the_same_dataset(
    files: list[Path], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copies = [elsewhere / path.name for path in files]
    for path, copy in zip(files, copies, strict=True):
        copy.write_bytes(path.read_bytes())
        os.utime(copy, (1, 1))
    assert fingerprint("bank", copies, seed=1) == fingerprint("bank", files, seed=1)


def test_it_follows_content_names_parameters_and_name(files: list[Path]) -> None:
    first = fingerprint("bank", files, seed=1)
    assert first.startswith("bank-")
    assert fingerprint("bank", files, seed=2) != first
    assert fingerprint("bank", files[:1], seed=1) != first
    renamed = files[1].rename(files[1].with_name("c.opus"))
    assert fingerprint("bank", [files[0], renamed], seed=1) != first
    renamed.rename(files[1])
    before = files[1].stat()
    files[1].write_text("B.opus", encoding="utf-8")  # as long as it was
    os.utime(files[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fingerprint("bank", files, seed=1) != first


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone.csv cannot be read"):
        fingerprint("bank", [tmp_path / "gone.csv"])
