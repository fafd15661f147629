"""Search for sounds, sound fonts and presets in files, folders and zip archives."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cir.audio.formats import READABLE
from cir.engines.preset_files import PLUGIN_SCHEME, plugin_targets
from cir.engines.sfz import sfz_samples
from cir.errors import DataError, InputError
from cir.instruments.note_bank import NoteBank
from cir.instruments.preset_suffixes import SCHEMES
from cir.instruments.safe_zip import (
    ARCHIVE_SUFFIX,
    INSTRUMENT_SUFFIXES,
    MAX_BYTES,
    MAX_SOUNDS,
    NOT_OPENED,
    OTHER_ARCHIVES,
    extract_sounds,
    size_in_words,
)
from cir.library.sound_file import SoundFile, join_multisamples
from cir.text import clean
from cir.types import Progress

MAX_SECONDS = 60.0
"""Longest one-shot; it should be one note."""

LOOSE_BANK = "My sounds"
"""Bank of uploads without a folder."""

LOOSE_FOLDER = "samples"
"""Bank of files in a folder without a name."""

_FONTS = (".sf2", ".sf3")
_ENDINGS = ", ".join(suffix[1:] for suffix in SCHEMES if suffix not in _FONTS)
_KINDS = f"sounds ({READABLE}), sound fonts (sf2, sf3) or presets ({_ENDINGS})"

_SFZ = ".sfz"
_REPORTED_FILES = 1_000
TAKEN_SUFFIXES = INSTRUMENT_SUFFIXES | OTHER_ARCHIVES | {ARCHIVE_SUFFIX}
"""Suffixes of files in a folder that are taken, or refused by name."""

BANK_SCHEME = "bank"
"""Scheme of the engines that play note banks."""

_NOT_UTF8 = "has a name that is not UTF-8; rename it"
_NEEDS_ITS_FOLDER = (
    "names samples that lie beside it; unpack it, and add its folder with `cir database add`"
)


@dataclass(frozen=True)
class Limits:
    """Limits on what may be added at once."""

    sounds: int = MAX_SOUNDS
    """Instruments of one addition."""
    total: int = 10 * MAX_SOUNDS
    """Instruments of the database afterwards."""
    seconds: float = MAX_SECONDS
    """Of a single sound."""
    n_bytes: int = MAX_BYTES
    """Of all files together, unpacked."""

    @classmethod
    def none(cls) -> "Limits":
        """Return limits that a studio does not reach, but for the length of a sound."""
        return cls(sounds=10**9, total=10**9, n_bytes=1 << 60)


@dataclass(frozen=True)
class UploadedFile:
    """A file that was sent to a server."""

    path: Path
    """Its path on the server."""
    inside: PurePosixPath
    """Its relative path on the sender's side: a name, or `folder/folder/name`."""


@dataclass
class Found:
    """The files of all sources."""

    files: list[SoundFile]
    refused: list[str]
    """A reason for each source or part of one that cannot be read."""
    places: list[str]
    """Beginnings of the origins of all files in the folders and archives that were read."""
    archives: list[SoundFile]
    """Archives on this machine that were unpacked."""
    unchanged: list[str]
    """Origins of archives that were not, as they are as they were."""
    unread: list[str]
    """Beginnings of the origins of all files that could not be looked for."""


def find_files(
    paths: Sequence[Path | str | UploadedFile],
    workspace: Path,
    limits: Limits,
    is_known: Callable[[SoundFile], bool] = lambda _: False,
    progress: Progress | None = None,
) -> Found:
    """List the files of all paths, with archives unpacked into `workspace`.

    Recordings of one instrument are one file with several members.

    Args:
        paths: What to look through.
        workspace: An empty folder.
        limits: Limits on the number and size of files.
        is_known: Says of an archive whether it was read before and has not changed since.
        progress: Called after every thousand files of a folder, and before each archive.

    Returns:
        The files, and what was refused.

    Raises:
        InputError: No path is given, or there are more files than the limits allow.
        StorageError: The disk is full.
    """
    if not paths:
        raise InputError(f"There is nothing to add yet; give files, folders or zips of {_KINDS}.")
    finder = _Finder(workspace, limits, is_known, progress)
    for named in paths:
        finder.find(named)
    found = finder.result
    found.files = join_multisamples(found.files)
    return found


class _Finder:
    """Collects files and reasons of refusal."""

    def __init__(
        self,
        workspace: Path,
        limits: Limits,
        is_known: Callable[[SoundFile], bool],
        progress: Progress | None,
    ) -> None:
        self.result = Found([], [], [], [], [], [])
        self.found = self.result.files
        self.refused = self.result.refused
        self._is_known = is_known
        self._progress = progress
        self._workspace = workspace
        self._limits = limits
        self._budget = limits.n_bytes
        self._n_archives = 0
        self._taken: set[tuple[str, str]] = set()
        self._n_again = 0
        """Files that were named or lay in several of the paths."""

    def find(self, named: Path | str | UploadedFile) -> None:
        """Add the files of a file, folder or archive; reasons go to `refused`."""
        before = self._count()
        shown = clean(str(named.inside if isinstance(named, UploadedFile) else named))
        try:
            if isinstance(named, UploadedFile):
                self._upload(named)
            elif str(named).startswith(f"{PLUGIN_SCHEME}:"):
                self._plugin(str(named))
            elif (path := Path(named).expanduser()).is_dir():
                self._folder(path)
            elif path.exists():
                self._loose(path)
            else:
                raise InputError(
                    f"{shown} does not exist; give a file, a folder or a zip of {_KINDS}."
                )
        except InputError as error:
            self.refused.append(str(error))
        except OSError as error:
            self.refused.append(f"{shown} cannot be read ({error.strerror}).")
        if before == self._count():
            self.refused.append(f"{shown} holds no {_KINDS}.")
        if self._budget < 0 or len(self.found) > self._limits.sounds:
            raise InputError(
                f"At most {self._limits.sounds:,} sounds and "
                f"{size_in_words(self._limits.n_bytes)} can be added at once, and this is more: "
                "add them in several parts."
            )

    def _count(self) -> int:
        """Return of how many files something was made or said."""
        found = self.result
        return len(found.files) + len(found.refused) + len(found.unchanged) + self._n_again

    def _upload(self, named: UploadedFile) -> None:
        inside = named.inside
        if _is_archive(named.path):
            self._archive(named.path, str(inside), PurePosixPath(inside.name))
            return
        folders = inside.parts[:-1]
        bank = folders[0] if folders else LOOSE_BANK
        self._take(
            SoundFile(
                named.path,
                str(inside),
                bank,
                PurePosixPath(*inside.parts[bool(folders) :]),
                clean(str(inside)),
            )
        )

    def _plugin(self, source: str) -> None:
        """Take a plug-in, or presets for it."""
        for target, path, folder in plugin_targets(source):
            inside = PurePosixPath(path.relative_to(folder).as_posix())
            bank = folder.name if path != Path(target.partition(":")[2]) else path.stem
            shown = clean(f"{bank}/{inside}" if bank != path.stem else path.name)
            self._take(SoundFile(path, str(path), bank, inside, shown, target))

    def _loose(self, path: Path) -> None:
        """Add one file; `load_audio` reports it later if it is not a sound file."""
        if _is_archive(path):
            self._archive(path, str(path.resolve()), PurePosixPath(path.name))
            return
        bank = path.resolve().parent.name or LOOSE_FOLDER
        inside = PurePosixPath(path.name)
        origin = str(path.resolve())
        self._take(SoundFile(path, origin, bank, inside, clean(path.name), is_local=True))

    def _folder(self, folder: Path) -> None:
        root = folder.resolve()
        if not _is_utf8(str(root)):
            raise InputError(f"{clean(str(root))} {_NOT_UTF8}.")
        self._take_folder(root, root.name or LOOSE_FOLDER)
        self.result.places.append(f"{root}{os.sep}")  # not if reading it has failed

    def _take_folder(self, root: Path, bank: str) -> None:
        cut = len(str(root)) + len(os.sep)

        def refuse(text: str, error: OSError) -> None:
            shown = f"{clean(bank)}/{clean(Path(text[cut:]).as_posix())}"
            self.refused.append(f"{shown} cannot be read ({error.strerror}).")
            self.result.unread += (text, f"{os.path.dirname(text)}#")

        entries = []
        for number, entry in enumerate(_walk(root, refuse), 1):
            entries.append(entry)
            if number % _REPORTED_FILES == 0:
                self._report(f"Looking through {clean(bank)}, {number:,} files")
        if (root / "notes.csv").is_file() and (root / "instruments.csv").is_file():
            self._note_bank(root, bank, entries)
            return
        played = {
            sample
            for path, _ in entries
            if path.lower().endswith(_SFZ)
            for sample in sfz_samples(Path(path))
        }
        for text, status in entries:
            suffix = os.path.splitext(text)[1].lower()
            if suffix not in TAKEN_SUFFIXES:
                continue
            path = Path(text)
            if played and path.resolve() in played:
                continue
            inside = PurePosixPath(Path(text[cut:]).as_posix())
            shown = f"{clean(bank)}/{clean(str(inside))}"
            if suffix in INSTRUMENT_SUFFIXES:
                file = SoundFile(path, text, bank, inside, shown, is_local=True)
                self._take(file, status)
            elif suffix == ARCHIVE_SUFFIX:
                try:
                    self._archive(path, text, inside, bank)
                except InputError as error:
                    self.refused.append(str(error))
                except OSError as error:
                    refuse(text, error)
            else:
                self.refused.append(f"{shown} {NOT_OPENED}.")

    def _note_bank(
        self, root: Path, bank: str, entries: Sequence[tuple[str, os.stat_result]]
    ) -> None:
        """Take the instruments of a note bank, each of them a file of notes."""
        status_of = dict(entries)
        try:
            instruments = NoteBank.open(root).instruments
        except DataError as error:
            raise InputError(str(error)) from None
        for row in instruments:
            path = root / "notes" / f"{row.instrument_id}.opus"
            if str(path) in status_of:
                inside = PurePosixPath(path.relative_to(root).as_posix())
                target = f"{BANK_SCHEME}:{root}"
                file = SoundFile(
                    path, str(path), bank, inside, f"{clean(bank)}/{inside}", target, is_local=True
                )
                self._take(file, status_of[str(path)])

    def _archive(
        self, path: Path, origin: str, inside: PurePosixPath, bank: str | None = None
    ) -> None:
        """Add the files of an archive; one within a folder, `bank`, counts as a folder in it."""
        if not _is_utf8(origin):
            raise InputError(f"{clean(str(inside))} {_NOT_UTF8}.")
        status = path.stat()
        itself = SoundFile(path, origin, bank or "", inside, path.name)
        itself = replace(itself, size=status.st_size, mtime_ns=status.st_mtime_ns, is_local=True)
        is_local = os.path.isabs(origin)
        if self._is_again(itself):
            return
        if is_local and self._is_known(itself):
            self.result.unchanged.append(f"{origin}!")
            return
        self._report(f"Unpacking {clean(path.name)}")
        workspace = self._workspace / f"archive-{self._n_archives}"
        workspace.mkdir()
        self._n_archives += 1
        try:
            files, skipped = extract_sounds(
                path,
                workspace,
                name=str(inside if bank is None else PurePosixPath(bank, inside)),
                max_sounds=self._limits.sounds,
                max_bytes=max(self._budget, 0),
            )
        except InputError:
            self.result.unread.append(f"{origin}!")
            raise
        if is_local:
            self.result.archives.append(itself)
            self.result.places.append(f"{origin}!")
        self.refused += [one.why for one in skipped]
        self.result.unread += [f"{origin}!{one.inside}" for one in skipped]
        above = PurePosixPath() if bank is None else inside.with_suffix("")
        for one in files:
            self._take(
                SoundFile(
                    one.path,
                    f"{origin}!{one.inside}",
                    bank or inside.stem,
                    above / one.inside,
                    one.shown,
                )
            )

    def _is_again(self, file: SoundFile) -> bool:
        """Return whether a file on this machine was taken before; plug-ins share presets."""
        if not os.path.isabs(file.origin):
            return False
        known = file.origin, "" if file.is_local else file.target
        is_again = known in self._taken
        self._taken.add(known)
        self._n_again += is_again
        return is_again

    def _report(self, words: str) -> None:
        if self._progress is not None:
            self._progress(0.0, words)

    def _take(self, file: SoundFile, status: os.stat_result | None = None) -> None:
        if file.path.suffix.lower() == _SFZ and file.origin != str(file.path.resolve()):
            self.refused.append(f"{file.shown} {_NEEDS_ITS_FOLDER}.")
            return
        if not _is_utf8(f"{file.origin}{file.target}"):
            self.refused.append(f"{file.shown} {_NOT_UTF8}.")
            return
        if self._is_again(file):
            return
        if status is None and file.path.exists():
            status = file.path.stat()
        if status is not None:
            file = replace(file, size=status.st_size, mtime_ns=status.st_mtime_ns)
        self._budget -= file.size
        self.found.append(file)


def _walk(
    folder: Path, refuse: Callable[[str, OSError], None]
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files of a folder and those in it, in order, but for hidden ones.

    What cannot be read is refused; what has gone meanwhile is left out.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), refuse)
            elif not entry.name.startswith(".") and entry.is_file():
                yield entry.path, entry.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            refuse(entry.path, error)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ARCHIVE_SUFFIX


def _is_utf8(text: str) -> bool:
    """Return whether tables can hold a path: bytes of no encoding are lone surrogates in it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
