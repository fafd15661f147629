"""Search for sounds, sound fonts and presets in files, folders and zip archives."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cir.audio.formats import READABLE
from cir.engines.preset_files import PLUGIN_SCHEME, plugin_targets
from cir.engines.sfz import sfz_samples
from cir.errors import InputError
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
from cir.text import clean

MAX_SECONDS = 60.0
"""Longest one-shot; it should be one note."""

LOOSE_BANK = "My sounds"
"""Bank of uploads without a folder."""

LOOSE_FOLDER = "samples"
"""Bank of files in a folder without a name."""

_FONTS = (".sf2", ".sf3")
_ENDINGS = ", ".join(suffix[1:] for suffix in SCHEMES if suffix not in _FONTS)
_KINDS = f"sounds ({READABLE}), sound fonts (sf2, sf3) or presets ({_ENDINGS})"

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


@dataclass(frozen=True)
class UploadedFile:
    """A file that was sent to a server."""

    path: Path
    """Its path on the server."""
    inside: PurePosixPath
    """Its relative path on the sender's side: a name, or `folder/folder/name`."""


@dataclass(frozen=True)
class SoundFile:
    """A file to make one or several instruments of."""

    path: Path
    """Path that can be read."""
    origin: str
    """Its original place, for the catalogue."""
    bank: str
    inside: PurePosixPath
    """Its path inside the folder or archive that was given."""
    shown: str
    """The same for display, beginning with the name of what was given."""
    target: str = ""
    """Engine reference without its preset, `scheme:path`; empty: the suffix says the scheme."""


def find_files(
    paths: Sequence[Path | str | UploadedFile], workspace: Path, limits: Limits
) -> tuple[list[SoundFile], list[str]]:
    """List the files of all paths, with archives unpacked into `workspace`.

    Returns:
        The files, and a reason for each path or part of it that was refused.

    Raises:
        InputError: No path is given, or there are more files than the limits allow.
        StorageError: The disk is full.
    """
    if not paths:
        raise InputError(f"There is nothing to add yet; give files, folders or zips of {_KINDS}.")
    finder = _Finder(workspace, limits)
    for named in paths:
        finder.find(named)
    return finder.found, finder.refused


class _Finder:
    """Collects files and reasons of refusal."""

    def __init__(self, workspace: Path, limits: Limits) -> None:
        self.found: list[SoundFile] = []
        self.refused: list[str] = []
        self._workspace = workspace
        self._limits = limits
        self._budget = limits.n_bytes
        self._n_archives = 0

    def find(self, named: Path | str | UploadedFile) -> None:
        """Add the files of a file, folder or archive; reasons go to `refused`."""
        before = len(self.found), len(self.refused)
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
        if before == (len(self.found), len(self.refused)):
            self.refused.append(f"{shown} holds no {_KINDS}.")
        if self._budget < 0 or len(self.found) > self._limits.sounds:
            raise InputError(
                f"At most {self._limits.sounds:,} sounds and "
                f"{size_in_words(self._limits.n_bytes)} can be added at once, and this is more: "
                "add them in several parts."
            )

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
        self._take(SoundFile(path, str(path.resolve()), bank, inside, clean(path.name)))

    def _folder(self, folder: Path) -> None:
        root = folder.resolve()
        bank = root.name or LOOSE_FOLDER
        paths = sorted(folder.rglob("*"))
        played = {
            sample
            for path in paths
            if path.suffix.lower() == ".sfz"
            for sample in sfz_samples(path)
        }
        for path in paths:
            suffix = path.suffix.lower()
            if path.name.startswith(".") or not path.is_file() or path.resolve() in played:
                continue
            inside = PurePosixPath(path.relative_to(folder).as_posix())
            shown = f"{clean(bank)}/{clean(str(inside))}"
            if suffix in INSTRUMENT_SUFFIXES:
                self._take(SoundFile(path, str(root / inside), bank, inside, shown))
            elif suffix == ARCHIVE_SUFFIX:
                try:
                    self._archive(path, str(root / inside), inside, bank)
                except InputError as error:
                    self.refused.append(str(error))
            elif suffix in OTHER_ARCHIVES:
                self.refused.append(f"{shown} {NOT_OPENED}.")

    def _archive(
        self, path: Path, origin: str, inside: PurePosixPath, bank: str | None = None
    ) -> None:
        """Add the files of an archive; one within a folder, `bank`, counts as a folder in it."""
        workspace = self._workspace / f"archive-{self._n_archives}"
        workspace.mkdir()
        self._n_archives += 1
        files, skipped = extract_sounds(
            path,
            workspace,
            name=str(inside if bank is None else PurePosixPath(bank, inside)),
            max_sounds=self._limits.sounds,
            max_bytes=max(self._budget, 0),
        )
        self.refused += skipped
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

    def _take(self, file: SoundFile) -> None:
        if file.path.suffix.lower() == ".sfz" and file.origin != str(file.path.resolve()):
            self.refused.append(f"{file.shown} {_NEEDS_ITS_FOLDER}.")
            return
        self._budget -= file.path.stat().st_size if file.path.exists() else 0
        self.found.append(file)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ARCHIVE_SUFFIX
