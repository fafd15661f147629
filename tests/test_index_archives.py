import stat
import zipfile
from pathlib import Path

import pytest

from cir.errors import InputError
from cir.index.archives import extract_sounds


def _zip(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
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
    found = extract_sounds(archive, tmp_path / "out")
    assert [str(inside) for _, inside in found] == ["Pack/Bass/a.flac", "Pack/Bass/b.WAV"]
    assert [path.read_bytes() for path, _ in found] == [b"one", b"two"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00000.flac", "00001.wav"]


@pytest.mark.parametrize(
    "name",
    ["../escape.wav", "a/../../escape.wav", "/etc/escape.wav", "C:\\escape.wav", "..\\e.wav"],
)
def test_an_archive_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "inner").mkdir()
    archive = _zip(tmp_path / "evil.zip", {"good.wav": b"fine", name: b"evil"})
    with pytest.raises(InputError, match=r"evil\.zip is refused: .* climbs out of its folder"):
        extract_sounds(archive, tmp_path / "inner")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["evil.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link.wav")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="is a link"):
        extract_sounds(tmp_path / "l.zip", tmp_path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fake.zip").write_bytes(b"PK nonsense")
    with pytest.raises(InputError, match=r"fake\.zip cannot be read as a zip"):
        extract_sounds(tmp_path / "fake.zip", tmp_path)
    whole = _zip(tmp_path / "whole.zip", {"a.wav": bytes(range(256)) * 40}).read_bytes()
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(InputError, match=r"damaged\.zip cannot be read"):
        extract_sounds(tmp_path / "damaged.zip", tmp_path)


def test_bombs_are_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "bomb.zip", {"a.wav": bytes(5_000), "b.wav": bytes(5_000)})
    with pytest.raises(InputError, match=r"bomb\.zip unpacks to more than 0\.00763 MB"):
        extract_sounds(archive, tmp_path, max_bytes=8_000)
    with pytest.raises(InputError, match="holds 2 sounds; at most 1"):
        extract_sounds(archive, tmp_path, max_sounds=1)


def test_encrypted_archives_are_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "locked.zip", {"a.wav": b"sound"})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted"):
        extract_sounds(archive, tmp_path)
