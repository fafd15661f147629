import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cir.errors import DatabaseError
from cir.index.bundle import write_bundle
from cir.index.database import InstrumentDatabase
from cir.index.sounds import KINDS, find_archive, pack_sounds, unpack_sounds
from cir.instruments.catalog import Catalog
from tests.fakes import instrument, unit_vectors

NAMES = ("kick", "lead", "pad")


def sound(kind: str, name: str) -> bytes:
    return f"OggS {kind} {name}".encode() * 100


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstrumentDatabase:
    """A database of three instruments, the last of them without a phrase."""
    monkeypatch.setenv("CIR_HOME", str(tmp_path / "home"))
    folder = tmp_path / "db"
    vectors = unit_vectors(np.random.default_rng(0), len(NAMES), 8)
    catalog = Catalog(instrument(name) for name in NAMES)
    write_bundle(folder, identity="m", catalog=catalog, embeddings=vectors)
    for kind in KINDS:
        (folder / kind).mkdir()
        for name in NAMES if kind == "previews" else NAMES[:2]:
            (folder / kind / f"{name}.opus").write_bytes(sound(kind, name))
        pack_sounds(folder, kind, NAMES)
    return InstrumentDatabase.open(folder)


def test_archived_sounds_are_those_that_were_loose(packed: InstrumentDatabase) -> None:
    assert {path.name for path in packed.path.iterdir()} >= {"previews.zip", "phrases.zip"}
    assert not any((packed.path / kind).exists() for kind in KINDS)
    for name in NAMES:
        preview, phrase = packed.preview_path(name), packed.phrase_path(name)
        assert preview is not None and preview.read_bytes() == sound("previews", name)
        assert preview.parent in packed.sound_folders
        assert (phrase is None) == (name == "pad")
        assert phrase is None or phrase.read_bytes() == sound("phrases", name)
    with zipfile.ZipFile(packed.path / "previews.zip") as archive:  # any program opens it
        assert archive.read("lead.opus") == sound("previews", "lead")


def test_threads_read_the_same_sounds(packed: InstrumentDatabase) -> None:
    wrong: list[str] = []

    def read() -> None:
        for name in NAMES * 50:
            path = packed.preview_path(name)
            if path is None or path.read_bytes() != sound("previews", name):
                wrong.append(name)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_sound_that_the_cache_lost_is_copied_again(packed: InstrumentDatabase) -> None:
    path = packed.preview_path("kick")
    assert path is not None
    shutil.rmtree(path.parent)
    assert packed.preview_path("kick") == path and path.is_file()


def test_a_loose_sound_is_preferred_to_an_archived_one(packed: InstrumentDatabase) -> None:
    (packed.path / "previews").mkdir()
    (packed.path / "previews" / "kick.opus").write_bytes(b"OggS new")
    path = packed.preview_path("kick")
    assert path is not None and path.read_bytes() == b"OggS new"


def test_a_change_makes_archived_sounds_loose_and_loses_none(packed: InstrumentDatabase) -> None:
    preview = packed.path / "new.opus"
    preview.write_bytes(b"OggS new")
    vectors = unit_vectors(np.random.default_rng(1), 2, 8)
    rows = [instrument("new"), instrument("kick")]
    packed.add(rows, vectors, previews={"new": preview, "kick": preview})
    assert find_archive(packed.path, "previews") is None
    for name, content in (
        ("kick", b"OggS new"),
        ("new", b"OggS new"),
        ("pad", sound("previews", "pad")),
    ):
        path = packed.preview_path(name)
        assert path is not None and path.read_bytes() == content
    assert packed.phrase_path("kick") is None  # it came without one
    assert packed.phrase_path("lead") is not None


def test_an_export_has_loose_sounds(packed: InstrumentDatabase, tmp_path: Path) -> None:
    packed.export(tmp_path / "copy")
    assert {path.stem for path in (tmp_path / "copy" / "previews").iterdir()} == set(NAMES)
    kept = (tmp_path / "copy" / "phrases" / "lead.opus").read_bytes()
    assert kept == sound("phrases", "lead")


def test_equal_sounds_give_equal_archives(packed: InstrumentDatabase) -> None:
    before = (packed.path / "previews.zip").read_bytes()
    unpack_sounds(packed.path)
    pack_sounds(packed.path, "previews", NAMES)
    assert (packed.path / "previews.zip").read_bytes() == before


def test_damaged_archives_are_told(packed: InstrumentDatabase) -> None:
    archive = packed.path / "previews.zip"
    content = bytearray(archive.read_bytes())
    content[60] ^= 255
    archive.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"kick\.opus of .*previews\.zip is damaged"):
        packed.preview_path("kick")
    assert packed.preview_path("lead") is not None
    archive.write_bytes(b"PK no more")
    with pytest.raises(DatabaseError, match=r"previews\.zip cannot be read"):
        packed.preview_path("lead")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as compressed:
        compressed.writestr("kick.opus", sound("previews", "kick"))
    with pytest.raises(DatabaseError, match="is compressed"):
        packed.preview_path("kick")
