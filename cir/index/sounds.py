"""The sounds of a database: loose files `<id>.opus` in a folder, or one zip archive of them.

Thousands of small files are slow to install and to copy, so a database that is built whole has an
archive of each kind; nothing in it is compressed, as Opus is already. A database that is changed
has loose files.
"""

import hashlib
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path

from cir.errors import DatabaseError
from cir.files import replacing
from cir.index.home import home

SUFFIX = ".opus"
KINDS = ("previews", "phrases")

_ARCHIVE_SUFFIX = ".zip"
_LOCAL_HEADER_BYTES = 30
_LENGTHS = struct.Struct("<HH")
"""Of the name and of further fields, at the end of a local header."""

_DATE = (1980, 1, 1, 0, 0, 0)
"""Equal sounds give an equal archive."""


class SoundArchive:
    """A zip archive of `<id>.opus`. Safe to share between threads and processes.

    Args:
        path: The archive.

    Raises:
        DatabaseError: It is missing, damaged or compressed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (OSError, zipfile.BadZipFile) as error:
            raise DatabaseError(
                f"{path} cannot be read ({error}); restore it or build the database again."
            ) from None
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise DatabaseError(f"{path} is compressed; pack its sounds without compression.")
        self._members = {member.filename: member for member in members}

    def __contains__(self, instrument_id: str) -> bool:
        return f"{instrument_id}{SUFFIX}" in self._members

    @property
    def ids(self) -> list[str]:
        """Ids of the instruments that have a sound here."""
        return [name.removesuffix(SUFFIX) for name in self._members]

    @cached_property
    def folder(self) -> Path:
        """The folder in the cache that `path` copies sounds to, named by what the archive holds."""
        content = hashlib.sha256()
        for name, member in sorted(self._members.items()):
            content.update(f"{name} {member.CRC} {member.file_size}\n".encode())
        return home().resolve() / "sounds" / content.hexdigest()[:20]

    def path(self, instrument_id: str) -> Path | None:
        """Return a sound as a file, copied from the archive when it is first asked for.

        Raises:
            DatabaseError: The archive is damaged.
        """
        if instrument_id not in self:
            return None
        path = self.folder / f"{instrument_id}{SUFFIX}"
        if not path.is_file():
            with replacing(path) as temporary:
                temporary.write_bytes(self.read(instrument_id) or b"")
        return path

    def read(self, instrument_id: str) -> bytes | None:
        """Return the content of a sound, None where there is none.

        Raises:
            DatabaseError: The archive is damaged.
        """
        member = self._members.get(f"{instrument_id}{SUFFIX}")
        if member is None:
            return None
        try:
            with self._path.open("rb") as file:
                file.seek(member.header_offset)
                header = file.read(_LOCAL_HEADER_BYTES)
                file.seek(sum(_LENGTHS.unpack(header[-_LENGTHS.size :])), 1)
                sound = file.read(member.file_size)
        except (OSError, struct.error):
            sound = b""
        if zlib.crc32(sound) != member.CRC:
            raise DatabaseError(
                f"The sound {member.filename} of {self._path} is damaged; restore the archive or "
                "build the database again."
            )
        return sound


def find_archive(folder: Path, kind: str) -> SoundArchive | None:
    """Return the archive of a kind that a database has now, None where it has none.

    Raises:
        DatabaseError: It is damaged.
    """
    path = archive_path(folder, kind)
    try:
        state = path.stat()
    except OSError:
        return None
    return _open(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)  # archives are replaced as a whole, never changed
def _open(path: Path, _modified: int, _size: int) -> SoundArchive:
    return SoundArchive(path)


def archive_path(folder: Path, kind: str) -> Path:
    """Return where a database has its archive of a kind."""
    return folder / f"{kind}{_ARCHIVE_SUFFIX}"


def pack_sounds(folder: Path, kind: str, instrument_ids: Iterable[str]) -> None:
    """Move the loose sounds of a kind into an archive, in place of an older one.

    Raises:
        DatabaseError: What is read back is not what was written; the loose sounds stay.
    """
    loose = folder / kind
    if not loose.is_dir():
        return
    target = archive_path(folder, kind)
    names = [f"{name}{SUFFIX}" for name in sorted(instrument_ids)]
    with replacing(target) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                if (loose / name).is_file():
                    archive.writestr(zipfile.ZipInfo(name, _DATE), (loose / name).read_bytes())
        with zipfile.ZipFile(temporary) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise DatabaseError(f"{damaged} in {target} is not what was written; try again.")
    shutil.rmtree(loose)


def unpack_sounds(folder: Path) -> None:
    """Replace the archives of a database by loose files, which are easy to add and to remove.

    Raises:
        DatabaseError: An archive is damaged.
    """
    for kind in KINDS:
        archive = find_archive(folder, kind)
        if archive is None:
            continue
        for name in archive.ids:
            loose = folder / kind / f"{name}{SUFFIX}"
            if not loose.is_file():
                with replacing(loose) as temporary:
                    temporary.write_bytes(archive.read(name) or b"")
        archive_path(folder, kind).unlink()
