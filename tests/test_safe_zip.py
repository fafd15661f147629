import stat
import zipfile
from pathlib import Path

import pytest

from cir.errors import InputError
from cir.instruments.safe_zip import extract_sounds, open_archive


def _zip(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def _zip_raw(path: Path, names: list[bytes]) -> Path:
    """An archive of sounds whose names are in an encoding that it does not tell."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(chr(65 + number) * len(name), b"sound")
    content = path.read_bytes()
    for number, name in enumerate(names):
        content = content.replace(bytes([65 + number]) * len(name), name)
    path.write_bytes(content)
    return path


def test_sounds_are_unpacked_and_nothing_else(tmp_path: Path) -> None:
    archive = _zip(
        tmp_path / "pack.zip",
        {
            "Pack/Bass/b.WAV": b"two",
            "Pack/Bass/a.flac": b"one",
            "Pack/readme.txt": b"no",
            "__MACOSX/Pack/._a.flac": b"no",
            "Pack/.hidden.wav": b"no",
        },
    )
    (tmp_path / "out").mkdir()
    found, skipped = extract_sounds(archive, tmp_path / "out")
    assert [str(one.inside) for one in found] == ["Pack/Bass/a.flac", "Pack/Bass/b.WAV"]
    assert [one.path.read_bytes() for one in found] == [b"one", b"two"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00000.wav", "00001.flac"]
    assert skipped == []


@pytest.mark.parametrize(
    "name",
    ["../escape.wav", "a/../../escape.wav", "/etc/escape.wav", "C:\\escape.wav", "..\\e.wav"],
)
def test_what_climbs_out_is_skipped_and_written_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    archive = _zip(tmp_path / "evil.zip", {"good.wav": b"fine", name: b"evil"})
    found, skipped = extract_sounds(archive, tmp_path / "inner")
    assert [one.shown for one in found] == ["evil.zip/good.wav"]
    assert len(skipped) == 1 and "climbs out of its folder" in skipped[0].why
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["00000.wav", "evil.zip"]
    with (
        pytest.raises(InputError, match=r"evil\.zip is refused: .* climbs out"),
        open_archive(archive),
    ):
        pass


def test_links_are_skipped(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link.wav")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    found, skipped = extract_sounds(tmp_path / "l.zip", tmp_path)
    assert found == []
    assert [one.why for one in skipped] == ["l.zip/link.wav is a link; pack the files themselves."]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fake.zip").write_bytes(b"PK nonsense")
    with pytest.raises(InputError, match=r"fake\.zip cannot be read as a zip"):
        extract_sounds(tmp_path / "fake.zip", tmp_path)


@pytest.mark.parametrize(
    "packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_damaged_file_is_skipped_by_its_name_and_the_others_are_there(
    tmp_path: Path, packed: int
) -> None:
    with zipfile.ZipFile(tmp_path / "half.zip", "w", packed) as archive:
        archive.writestr("Bass/bad.wav", bytes(range(256)) * 40)
        archive.writestr("Bass/good.wav", b"sound")
    damaged = bytearray((tmp_path / "half.zip").read_bytes())
    for place in range(44, 60):
        damaged[place] ^= 0xFF
    (tmp_path / "half.zip").write_bytes(damaged)
    found, skipped = extract_sounds(tmp_path / "half.zip", tmp_path)
    assert [one.shown for one in found] == ["half.zip/Bass/good.wav"]
    assert len(skipped) == 1 and skipped[0].why.startswith("half.zip/Bass/bad.wav is damaged")
    assert str(skipped[0].inside) == "Bass/bad.wav"


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _zip(tmp_path / "bomb.zip", {"a.wav": bytes(50_000), "b.wav": bytes(50_000)})
    with pytest.raises(InputError, match=r"bomb\.zip unpacks to more than 0\.0763 MB"):
        extract_sounds(archive, tmp_path, max_bytes=80_000)
    with pytest.raises(InputError, match="holds more than 1 sounds"):
        extract_sounds(archive, tmp_path, max_sounds=1)
    monkeypatch.setattr("cir.instruments.safe_zip._SMALL_BYTES", 0)
    with pytest.raises(InputError, match=r"bomb\.zip unpacks to more than"):
        extract_sounds(archive, tmp_path)  # a hundred times its own size is enough


def test_encrypted_files_are_skipped(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "locked.zip", {"a.wav": b"sound"})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    _, skipped = extract_sounds(archive, tmp_path)
    assert [one.why for one in skipped] == [
        "locked.zip/a.wav is encrypted; pack it without a password."
    ]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", ["ベース/ソロ.wav", "シンセ/表.wav"]),
        ("cp1252", ["Flûtes/élégante.wav", "Café.wav"]),
        ("cp437", ["Flûtes/élégante.wav", "Bläser.wav"]),
        ("utf-8", ["Flûtes/ベース.wav"]),
    ],
)
def test_names_are_read_in_the_encoding_that_they_were_written_in(
    tmp_path: Path, encoding: str, names: list[str]
) -> None:
    archive = _zip_raw(tmp_path / "pack.zip", [name.encode(encoding) for name in names])
    found, _ = extract_sounds(archive, tmp_path)
    assert sorted(str(one.inside) for one in found) == sorted(names)


def test_a_name_of_nothing_is_no_matter(tmp_path: Path) -> None:
    archive = _zip_raw(tmp_path / "pack.zip", [b"\0.wav", b"deep.wav"])
    found, skipped = extract_sounds(archive, tmp_path)
    assert ([str(one.inside) for one in found], skipped) == (["deep.wav"], [])
    with open_archive(archive) as content:
        assert len(content.namelist()) == 2


def test_back_slashes_are_folders(tmp_path: Path) -> None:
    archive = _zip_raw(tmp_path / "pack.zip", [b"Bass\\", b"Bass\\deep.wav"])
    found, skipped = extract_sounds(archive, tmp_path)
    assert [one.inside.parts for one in found] == [("Bass", "deep.wav")]
    assert skipped == []


def test_archives_within_archives_are_opened_to_a_depth(tmp_path: Path) -> None:
    inner = _zip(tmp_path / "0.zip", {"kick.wav": b"sound"})
    for depth in (1, 2, 3):
        inner = _zip(
            tmp_path / f"{depth}.zip", {f"Drums/{inner.name}": inner.read_bytes(), "a.wav": b"x"}
        )
    (tmp_path / "out").mkdir()
    found, skipped = extract_sounds(inner, tmp_path / "out")
    assert [str(one.inside) for one in found] == ["Drums/2/Drums/1/a.wav", "Drums/2/a.wav", "a.wav"]
    assert [one.shown for one in found][0] == "3.zip/Drums/2.zip/Drums/1.zip/a.wav"
    assert [one.why for one in skipped] == [
        "3.zip/Drums/2.zip/Drums/1.zip/Drums/0.zip lies too deep in archives within archives."
    ]
    other = _zip(tmp_path / "other.zip", {"Drums.rar": b"x", "bad.zip": b"x"})
    _, skipped = extract_sounds(other, tmp_path / "out")
    assert "other.zip/Drums.rar is an archive of a kind that is not opened" in skipped[0].why
    assert "other.zip/bad.zip cannot be read as a zip archive" in skipped[1].why
    assert str(skipped[1].inside) == "bad"
