"""Extraction of sounds, sound fonts and presets from untrusted zip archives."""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from cir.audio.formats import SOUND_SUFFIXES
from cir.errors import InputError
from cir.files import writing
from cir.instruments.foreign_names import names_in_zip
from cir.instruments.preset_suffixes import SCHEMES
from cir.text import clean

INSTRUMENT_SUFFIXES = SOUND_SUFFIXES | SCHEMES.keys()
"""Suffixes of files that instruments can be made of."""

ARCHIVE_SUFFIX = ".zip"
OTHER_ARCHIVES = frozenset([".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"])
NOT_OPENED = "is an archive of a kind that is not opened; pack it as zip"
"""Suffixes of archives that are not opened but reported, since they may hold sounds."""

MAX_SOUNDS = 50_000
MAX_BYTES = 8 << 30
MAX_DEPTH = 3
"""Deepest nesting of archives."""

_CHUNK_BYTES = 1 << 20
_SMALL_BYTES = 256 << 20
_LARGEST_RATIO = 100
"""Sounds do not compress that well: larger archives beyond this ratio are zip bombs."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
    OSError,
)
"""Errors that zipfile and its decompressors raise over damaged archives."""


@dataclass(frozen=True)
class Unpacked:
    """A file from an archive."""

    path: Path
    """Its new path; the name is a number."""
    inside: PurePosixPath
    """Its path inside the archive; archives within it count as folders."""
    shown: str
    """The same for display, beginning with the archive's name."""


@dataclass(frozen=True)
class Skipped:
    """A file of an archive that was not unpacked."""

    inside: PurePosixPath
    """As of `Unpacked`; of an archive within it, the folder that it counts as."""
    why: str
    """A sentence."""


def extract_sounds(
    archive: Path,
    folder: Path,
    *,
    name: str | None = None,
    max_sounds: int = MAX_SOUNDS,
    max_bytes: int = MAX_BYTES,
) -> tuple[list[Unpacked], list[Skipped]]:
    """Unpack the sound files, sound fonts and presets of a zip archive, and of those within it.

    Files get numbers as names, so that no name in the archive decides where anything is written.
    Files that are damaged, encrypted, links or outside the archive's folder are skipped.

    Args:
        archive: The zip file.
        folder: An existing, empty folder.
        name: Name of the archive for display.
        max_sounds: Most files to extract.
        max_bytes: Most bytes to extract.

    Returns:
        Files sorted by their paths inside the archive, and those that were skipped.

    Raises:
        InputError: The file is not a zip archive, or unpacks to more than is allowed.
        StorageError: The disk is full.
    """
    name = clean(name or archive.name)
    limit = max(_SMALL_BYTES, _LARGEST_RATIO * archive.stat().st_size)
    taken = _Taken(folder, name, max_sounds, min(max_bytes, limit))
    try:
        with writing(folder):
            taken.take(archive, name, PurePosixPath(), MAX_DEPTH)
    except _Unreadable as error:
        raise InputError(f"{name} {error}.") from None
    return sorted(taken.files, key=lambda one: one.inside), taken.skipped


@dataclass
class _Taken:
    """Files extracted so far."""

    folder: Path
    name: str
    max_sounds: int
    max_bytes: int
    files: list[Unpacked] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    n_bytes: int = 0
    count: int = 0

    def take(self, archive: Path, shown: str, above: PurePosixPath, depth: int) -> None:
        """Extract the wanted files of one archive; `above` is its path in the outermost one."""
        with _opened(archive) as content:
            entries = content.infolist()
            for entry, name in zip(entries, names_in_zip(entries), strict=True):
                self._take_entry(content, entry, name, shown, above, depth)

    def _take_entry(
        self,
        content: zipfile.ZipFile,
        entry: zipfile.ZipInfo,
        name: str,
        shown: str,
        above: PurePosixPath,
        depth: int,
    ) -> None:
        suffix = PurePosixPath(name).suffix.lower()
        kinds = INSTRUMENT_SUFFIXES | OTHER_ARCHIVES | {ARCHIVE_SUFFIX}
        if name.endswith("/") or suffix not in kinds or _is_hidden(name):
            return
        place = f"{shown}/{clean(name)}"
        inside = above / name
        if suffix == ARCHIVE_SUFFIX:
            inside = inside.with_suffix("")
        problem = _problem(entry, name)
        if suffix in OTHER_ARCHIVES:
            problem = NOT_OPENED
        elif suffix == ARCHIVE_SUFFIX and depth <= 1:
            problem = "lies too deep in archives within archives"
        if problem is not None:
            self.skipped.append(Skipped(inside, f"{place} {problem}."))
            return
        target = self.folder / f"{self.count:05d}{suffix}"
        self.count += 1
        try:
            self._write(content, entry, target)
            if suffix == ARCHIVE_SUFFIX:
                self.take(target, place, inside, depth - 1)
                target.unlink()
                return
        except _Unreadable as error:
            target.unlink(missing_ok=True)
            self.skipped.append(Skipped(inside, f"{place} {error}."))
            return
        self.files.append(Unpacked(target, inside, place))
        if len(self.files) > self.max_sounds:
            raise InputError(
                f"{self.name} holds more than {self.max_sounds} sounds, and no more are allowed: "
                "split it."
            )

    def _write(self, content: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
        with target.open("wb") as out:
            for chunk in _chunks(content, entry):
                self.n_bytes += len(chunk)  # sizes in the directory can be wrong
                if self.n_bytes > self.max_bytes:
                    raise _too_much(self.name, self.max_bytes)
                out.write(chunk)


class _Unreadable(InputError):
    """Reason why an archive or a file in it cannot be read, as a predicate of its name."""


@contextmanager
def open_archive(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive after checking that no file has an unsafe path, is a link or encrypted.

    Raises:
        InputError: A file is, or it cannot be read as a zip archive.
    """
    try:
        with _opened(archive) as content:
            for entry in files_of(content):
                problem = _problem(entry, entry.filename)
                if problem is not None:
                    raise InputError(
                        f"{archive.name} is refused: {entry.filename!r:.200} {problem}."
                    )
            yield content
    except _Unreadable as error:
        raise InputError(f"{archive.name} {error}.") from None


def holds(archive: Path, name: str) -> bool:
    """Return whether a file is a zip archive with a file of this name in any folder."""
    try:
        with _opened(archive) as content:
            return any(PurePosixPath(inside).name == name for inside in content.namelist())
    except _Unreadable:
        return False


def files_of(content: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """List the entries that are not folders."""
    # `is_dir` fails over empty names.
    return [entry for entry in content.infolist() if not entry.filename.endswith("/")]


def unpack(
    content: zipfile.ZipFile, entries: Sequence[tuple[zipfile.ZipInfo, Path]], max_bytes: int
) -> None:
    """Write each entry to its target.

    Raises:
        InputError: Together they hold more than `max_bytes`, or one is damaged.
    """
    name = Path(content.filename or "").name
    budget = max_bytes
    for entry, target in entries:
        with target.open("wb") as out:
            try:
                for chunk in _chunks(content, entry):
                    budget -= len(chunk)
                    if budget < 0:
                        raise _too_much(name, max_bytes)
                    out.write(chunk)
            except _Unreadable as error:
                raise InputError(f"{name}: {entry.filename!r:.200} {error}.") from None


def size_in_words(n_bytes: int) -> str:
    """Format a number of bytes: `300 MB`, `8 GB`."""
    if n_bytes >= 1 << 30:
        return f"{n_bytes / (1 << 30):.3g} GB"
    return f"{n_bytes / (1 << 20):.3g} MB"


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        content = zipfile.ZipFile(archive)
    except _BROKEN as error:
        raise _Unreadable(
            f"cannot be read as a zip archive ({_words(error)}); pack it again"
        ) from None
    with content:
        yield content


def _chunks(content: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with content.open(entry) as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                yield chunk
    except _BROKEN as error:
        raise _Unreadable(f"is damaged ({_words(error)})") from None


def _problem(entry: zipfile.ZipInfo, name: str) -> str | None:
    windows = PureWindowsPath(name)  # splits at / and at \
    if windows.drive or windows.root or ".." in windows.parts:
        return "climbs out of its folder; pack files with plain relative paths"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link; pack the files themselves"
    if entry.flag_bits & 0x1:
        return "is encrypted; pack it without a password"
    return None


def _is_hidden(name: str) -> bool:
    parts = [part for part in PurePosixPath(name).parts if part != ".."]
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _too_much(name: str, max_bytes: int) -> InputError:
    return InputError(f"{name} unpacks to more than {size_in_words(max_bytes)}; split it.")


def _words(error: BaseException) -> str:
    return clean(" ".join(str(error).split()))[:200] or type(error).__name__
