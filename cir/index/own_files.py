"""Finding what instruments can be made of: in files, folders and zip archives, within limits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cir.audio.formats import READABLE
from cir.errors import InputError
from cir.index.archives import (
    INSTRUMENT_SUFFIXES,
    MAX_BYTES,
    MAX_SOUNDS,
    extract_sounds,
    size_in_words,
)

MAX_SECONDS = 60.0
"""A one-shot is one note; whatever is longer is refused."""

LOOSE_BANK = "My sounds"
"""Bank of uploads that came in no folder."""

_KINDS = f"sounds ({READABLE}), sound fonts (sf2, sf3) or Vital presets"


@dataclass(frozen=True)
class Limits:
    """How much may be added at once."""

    sounds: int = MAX_SOUNDS
    """Instruments of one addition."""
    total: int = 10 * MAX_SOUNDS
    """Instruments of the database afterwards."""
    seconds: float = MAX_SECONDS
    """Of a single sound."""
    n_bytes: int = MAX_BYTES
    """Of all files together, unpacked."""


@dataclass(frozen=True)
class Upload:
    """A file that has lost its place: one that came to a server."""

    path: Path
    """Where it lies now."""
    inside: PurePosixPath
    """Where it lay before, as far as is known: a name, or `folder/folder/name`; relative."""


@dataclass(frozen=True)
class SoundFile:
    """A file to make one instrument of, or several."""

    path: Path
    """Where it can be read now."""
    origin: str
    """Where it comes from, for people and for the catalogue."""
    bank: str
    inside: PurePosixPath
    """Its path inside the folder or archive that was named."""


def check_paths(paths: Sequence[Path | str | Upload]) -> list[Path | Upload]:
    """Expand `~`, and make sure that everything named is there.

    Raises:
        InputError: a path does not exist, or there is none at all.
    """
    if not paths:
        raise InputError(f"There is nothing to add yet; give files, folders or zips of {_KINDS}.")
    checked = [path if isinstance(path, Upload) else Path(path).expanduser() for path in paths]
    for path in checked:
        if isinstance(path, Path) and not path.exists():
            raise InputError(f"{path} does not exist; give a file, a folder or a zip of {_KINDS}.")
    return checked


def find_files(
    paths: Sequence[Path | Upload], workspace: Path, limits: Limits
) -> tuple[list[SoundFile], list[str]]:
    """List the files of everything that was named, archives unpacked into `workspace`.

    Returns:
        The files, and for each thing named that gives none, why.

    Raises:
        InputError: they are more than the limits allow.
    """
    found: list[SoundFile] = []
    refused: list[str] = []
    budget = limits.n_bytes
    for number, named in enumerate(paths):
        try:
            files = list(_files_of(named, workspace / f"archive-{number}", limits, budget))
        except InputError as error:
            refused.append(str(error))
            continue
        if not files:
            refused.append(f"{named} holds no {_KINDS}.")
        budget -= sum(file.path.stat().st_size for file in files)
        found += files
        if budget < 0 or len(found) > limits.sounds:
            raise InputError(
                f"At most {limits.sounds:,} sounds and {size_in_words(limits.n_bytes)} can be "
                "added at once, and this is more: add them in several parts."
            )
    return found, refused


def _files_of(
    named: Path | Upload, workspace: Path, limits: Limits, max_bytes: int
) -> Iterator[SoundFile]:
    if isinstance(named, Path) and named.is_dir():
        yield from _files_in_folder(named)
        return
    path = named.path if isinstance(named, Upload) else named
    inside = named.inside if isinstance(named, Upload) else PurePosixPath(named.name)
    origin = str(inside) if isinstance(named, Upload) else str(named.resolve())
    if path.suffix.lower() == ".zip":
        workspace.mkdir()
        content = extract_sounds(
            path, workspace, max_sounds=limits.sounds, max_bytes=max(max_bytes, 0)
        )
        if not content:
            raise InputError(f"{inside.name} holds no {_KINDS}.")
        for file, place in content:
            yield SoundFile(file, f"{origin}!{place}", inside.stem, place)
    elif isinstance(named, Upload):
        folders = inside.parts[:-1]
        bank = folders[0] if folders else LOOSE_BANK
        yield SoundFile(path, origin, bank, PurePosixPath(*inside.parts[bool(folders) :]))
    else:  # `load_audio` says it where this is no sound file
        yield SoundFile(path, origin, path.resolve().parent.name or "samples", inside)


def _files_in_folder(folder: Path) -> Iterator[SoundFile]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        wanted = path.suffix.lower() in INSTRUMENT_SUFFIXES and path.is_file()
        if wanted and not path.name.startswith("."):
            inside = PurePosixPath(path.relative_to(folder).as_posix())
            yield SoundFile(path, str(root / inside), root.name or "samples", inside)
