"""Taking sounds out of zip archives that strangers made."""

import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from cir.errors import InputError

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a"})
MAX_SOUNDS = 50_000
MAX_BYTES = 8 << 30

_CHUNK_BYTES = 1 << 20


def extract_sounds(archive: Path, folder: Path) -> list[tuple[Path, PurePosixPath]]:
    """Unpack the sound files of a zip archive.

    No name in the archive decides where anything is written: files are numbered. All the same an
    archive with a name that climbs out of its folder is refused, for it was made to do harm.

    Args:
        archive: the zip file.
        folder: exists and is empty.

    Returns:
        Where each sound lies now, and its path inside the archive, in order of the latter.

    Raises:
        InputError: it is no zip, damaged or encrypted, unpacks to more than 8 GB or 50 000 sounds,
            or holds links or names that climb out of it.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            entries = [entry for entry in content.infolist() if not entry.is_dir()]
            for entry in entries:
                _check_entry(entry, archive)
            sounds = sorted(filter(_is_sound, entries), key=lambda entry: entry.filename)
            if len(sounds) > MAX_SOUNDS:
                raise InputError(
                    f"{archive.name} holds {len(sounds)} sounds; at most {MAX_SOUNDS} are allowed: "
                    "split it."
                )
            return _unpack(content, sounds, archive, folder)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise InputError(
            f"{archive.name} cannot be read as a zip archive ({error}); pack it again."
        ) from None


def _unpack(
    content: zipfile.ZipFile, sounds: list[zipfile.ZipInfo], archive: Path, folder: Path
) -> list[tuple[Path, PurePosixPath]]:
    unpacked = []
    budget = MAX_BYTES
    for number, entry in enumerate(sounds):
        inside = PurePosixPath(entry.filename)
        target = folder / f"{number:05d}{inside.suffix.lower()}"
        with content.open(entry) as packed, target.open("wb") as out:
            while chunk := packed.read(_CHUNK_BYTES):
                budget -= len(chunk)  # sizes in the directory can lie
                if budget < 0:
                    raise InputError(
                        f"{archive.name} unpacks to more than {MAX_BYTES >> 30} GB; split it."
                    )
                out.write(chunk)
        unpacked.append((target, inside))
    return unpacked


def _check_entry(entry: zipfile.ZipInfo, archive: Path) -> None:
    windows = PureWindowsPath(entry.filename)  # splits at / and at \
    if windows.drive or windows.root or ".." in windows.parts:
        raise InputError(
            f"{archive.name} is refused: {entry.filename!r} climbs out of its folder; "
            "pack the sounds with plain relative paths."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InputError(
            f"{archive.name} is refused: {entry.filename!r} is a link; pack the files themselves."
        )
    if entry.flag_bits & 0x1:
        raise InputError(f"{archive.name} is encrypted; pack it without a password.")


def _is_sound(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SOUND_SUFFIXES and not hidden
