import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cir.audio.io import save_wav
from cir.errors import CirError, DatabaseError, InputError
from cir.index.bundle import HEADER_NAME
from cir.index.database import InstrumentDatabase
from cir.library.database_archive import export_archive, import_archive, is_exported
from cir.library.sounds import Limits, add_sounds
from tests.fakes import SpectrumEncoder, tone


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Three sounds of one's own."""
    for name, pitch in (("Basses/a.wav", 60.0), ("Basses/b.wav", 90.0), ("c.wav", 500.0)):
        save_wav(tmp_path / "kit" / name, tone(pitch, 0.4), 16_000)
    add_sounds(tmp_path / "db", SpectrumEncoder(), [tmp_path / "kit"])
    return tmp_path / "db"


@pytest.fixture
def archive(tmp_path: Path, database: Path) -> Path:
    export_archive(database, tmp_path / "out.zip")
    return tmp_path / "out.zip"


def test_out_and_in_again_is_the_same(tmp_path: Path, database: Path, archive: Path) -> None:
    assert is_exported(archive)
    report = import_archive(tmp_path / "new", SpectrumEncoder(), archive)
    assert (report.added, report.replaced) == (3, 0)
    old, new = InstrumentDatabase.open(database), InstrumentDatabase.open(tmp_path / "new")
    assert old.instruments() == new.instruments()
    np.testing.assert_allclose(old.embeddings()[1], new.embeddings()[1], atol=1e-6)
    for name in old.instruments().ids:
        before, after = old.preview_path(name), new.preview_path(name)
        assert before is not None
        assert after is not None
        assert before.read_bytes() == after.read_bytes()
    again = add_sounds(tmp_path / "new", SpectrumEncoder(), [tmp_path / "kit"])
    assert again.unchanged == 3


def test_an_import_joins_what_is_there(tmp_path: Path, archive: Path) -> None:
    save_wav(tmp_path / "kit" / "d.wav", tone(900.0, 0.4), 16_000)
    add_sounds(tmp_path / "new", SpectrumEncoder(), [tmp_path / "kit"])
    report = import_archive(tmp_path / "new", SpectrumEncoder(), archive)
    assert (report.added, report.replaced) == (0, 3)
    assert len(InstrumentDatabase.open(tmp_path / "new")) == 4


def test_an_exported_folder_packed_by_hand_is_read_too(tmp_path: Path, database: Path) -> None:
    InstrumentDatabase.open(database).export(tmp_path / "out" / "mine")
    packed = shutil.make_archive(str(tmp_path / "hand"), "zip", tmp_path / "out", "mine")
    assert import_archive(tmp_path / "new", SpectrumEncoder(), packed).added == 3


def test_tables_that_only_their_writer_may_trust_are_refused(
    tmp_path: Path, database: Path
) -> None:
    packed = shutil.make_archive(str(tmp_path / "hand"), "zip", database)
    with pytest.raises(DatabaseError, match=r"hand\.zip .*cir database export"):
        import_archive(tmp_path / "new", SpectrumEncoder(), packed)
    assert not (tmp_path / "new").exists()


def test_what_a_stranger_fitted_is_left_out(tmp_path: Path, database: Path) -> None:
    InstrumentDatabase.open(database).export(tmp_path / "out")
    (tmp_path / "out" / "calibration.json").write_text("{}")
    packed = shutil.make_archive(str(tmp_path / "hand"), "zip", tmp_path / "out")
    import_archive(tmp_path / "new", SpectrumEncoder(), packed)
    assert not (tmp_path / "new" / "calibration.json").exists()
    assert InstrumentDatabase.open(tmp_path / "new").calibration is None


def _with(archive: Path, changes: dict[str, bytes | None]) -> None:
    """Change, add or leave out files of an archive."""
    with zipfile.ZipFile(archive) as old:
        content = {entry.filename: old.read(entry) for entry in old.infolist()}
    for name, body in changes.items():
        if body is None:
            del content[name]
        else:
            content[name] = body
    with zipfile.ZipFile(archive, "w") as new:
        for name, body in content.items():
            new.writestr(name, body)


def _foreign_header(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        header = json.loads(content.read(HEADER_NAME))
    _with(archive, {HEADER_NAME: json.dumps({**header, "identity": "another"}).encode()})


def _climb(archive: Path) -> None:
    _with(archive, {"../evil.csv": b"x"})


def _alter_table(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        name = json.loads(content.read(HEADER_NAME))["files"]["instruments"]
    _with(archive, {name: b"instrument_id\nx\n"})


def _no_header(archive: Path) -> None:
    _with(archive, {HEADER_NAME: None})


def _bad_preview(archive: Path) -> None:
    _with(archive, {"previews/kit-c.opus": b"<script>alert(1)</script>"})


def _large_preview(archive: Path) -> None:
    _with(archive, {"previews/kit-c.opus": bytes(2 << 20)})


def _no_zip(archive: Path) -> None:
    archive.write_bytes(b"nothing of the kind")


def _odd_embeddings(archive: Path) -> None:
    folder = archive.parent / "odd"
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    from cir.index.bundle import read_bundle, write_bundle

    bundle = read_bundle(folder)
    write_bundle(
        folder,
        identity=bundle.header.identity,
        catalog=bundle.catalog,
        embeddings=7.0 * bundle.embeddings,
    )
    shutil.make_archive(str(archive.with_suffix("")), "zip", folder)


@pytest.mark.parametrize(
    ("harm", "error", "words"),
    [
        (_foreign_header, DatabaseError, "was made with the model another"),
        (_climb, InputError, "climbs out of its folder"),
        (_alter_table, DatabaseError, r"out\.zip/instruments\S*\.csv is damaged"),
        (_no_header, InputError, "is not an exported database"),
        (_bad_preview, DatabaseError, r"kit-c\.opus is no Ogg Opus file"),
        (_large_preview, InputError, "unpacks to more than 1 MB"),
        (_no_zip, InputError, "cannot be read as a zip"),
        (_odd_embeddings, DatabaseError, "embeddings that no model makes"),
    ],
)
def test_bad_archives_leave_no_trace(
    tmp_path: Path,
    archive: Path,
    harm: Callable[[Path], None],
    error: type[CirError],
    words: str,
) -> None:
    harm(archive)
    with pytest.raises(error, match=words) as caught:
        import_archive(tmp_path / "new", SpectrumEncoder(), archive)
    assert "/tmp/" not in str(caught.value).replace(str(tmp_path), "")
    assert not (tmp_path / "new").exists()


def test_limits_hold_for_imports(tmp_path: Path, database: Path, archive: Path) -> None:
    with pytest.raises(InputError, match="holds 3 sounds; at most 2"):
        import_archive(tmp_path / "new", SpectrumEncoder(), archive, limits=Limits(sounds=2))
    with pytest.raises(InputError, match="adds 3 sounds to 0, and at most 2"):
        import_archive(tmp_path / "new", SpectrumEncoder(), archive, limits=Limits(total=2))
    with pytest.raises(InputError, match="unpacks to more than"):
        import_archive(tmp_path / "new", SpectrumEncoder(), archive, limits=Limits(n_bytes=100))
    with pytest.raises(InputError, match="does not exist"):
        import_archive(tmp_path / "new", SpectrumEncoder(), tmp_path / "gone.zip")


def test_an_archive_of_sounds_is_no_export(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as content:
        content.writestr("kit/a.wav", b"RIFF")
    assert not is_exported(tmp_path / "kit.zip")
    assert not is_exported(tmp_path / "gone.zip")
