"""Taking sounds, sound fonts and presets out of zip archives that strangers made."""

import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from cir.audio.formats import SOUND_SUFFIXES
from cir.errors import InputError

SOUNDFONT_SUFFIXES = frozenset({".sf2", ".sf3"})
PRESET_SUFFIXES = frozenset({".vital"})
INSTRUMENT_SUFFIXES = SOUND_SUFFIXES | SOUNDFONT_SUFFIXES | PRESET_SUFFIXES
"""Of the files that instruments can be made of."""

MAX_SOUNDS = 50_000
MAX_BYTES = 8 << 30

_CHUNK_BYTES = 1 << 20


def extract_sounds(
    archive: Path, folder: Path, *, max_sounds: int = MAX_SOUNDS, max_bytes: int = MAX_BYTES
) -> list[tuple[Path, PurePosixPath]]:
    """Unpack the sound files, sound fonts and presets of a zip archive.

    No name in the archive decides where anything is written: files are numbered. All the same an
    archive with a name that climbs out of its folder is refused, for it was made to do harm.

    Args:
        archive: the zip file.
        folder: exists and is empty.
        max_sounds: how many files may be taken out.
        max_bytes: how much they may unpack to.

    Returns:
        Where each file lies now, and its path inside the archive, in order of the latter.

    Raises:
        InputError: it is no zip, damaged or encrypted, unpacks to more than is allowed, or holds
            links or names that climb out of it.
    """
    with open_archive(archive) as content:
        sounds = sorted(filter(_is_wanted, files_of(content)), key=lambda entry: entry.filename)
        if len(sounds) > max_sounds:
            raise InputError(
                f"{archive.name} holds {len(sounds)} sounds; at most {max_sounds} are allowed: "
                "split it."
            )
        insides = [PurePosixPath(entry.filename) for entry in sounds]
        targets = [
            folder / f"{number:05d}{inside.suffix.lower()}" for number, inside in enumerate(insides)
        ]
        unpack(content, list(zip(sounds, targets, strict=True)), max_bytes)
        return list(zip(targets, insides, strict=True))


@contextmanager
def open_archive(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive in which no file climbs out, is a link or is encrypted.

    Raises:
        InputError: one does, or the archive cannot be read, now or while it is open.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            for entry in files_of(content):
                _check_entry(entry, archive)
            yield content
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise InputError(
            f"{archive.name} cannot be read as a zip archive ({error}); pack it again."
        ) from None


def files_of(content: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """List what is no folder."""
    return [entry for entry in content.infolist() if not entry.is_dir()]


def unpack(
    content: zipfile.ZipFile, entries: Sequence[tuple[zipfile.ZipInfo, Path]], max_bytes: int
) -> None:
    """Write each entry to its target.

    Raises:
        InputError: together they hold more than `max_bytes`.
    """
    budget = max_bytes
    for entry, target in entries:
        with content.open(entry) as packed, target.open("wb") as out:
            while chunk := packed.read(_CHUNK_BYTES):
                budget -= len(chunk)  # sizes in the directory can lie
                if budget < 0:
                    raise InputError(
                        f"{Path(content.filename or '').name} unpacks to more than "
                        f"{size_in_words(max_bytes)}; split it."
                    )
                out.write(chunk)


def size_in_words(n_bytes: int) -> str:
    """Say a number of bytes: `300 MB`, `8 GB`."""
    if n_bytes >= 1 << 30:
        return f"{n_bytes / (1 << 30):.3g} GB"
    return f"{n_bytes / (1 << 20):.3g} MB"


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


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in INSTRUMENT_SUFFIXES and not hidden
