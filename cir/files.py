"""Writing files so that nobody ever sees half of one, and what killed writers leave is removed."""

import errno
import glob
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cir.errors import CirError, InputError, StorageError
from cir.holding import hold, hold_if_free

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_BYTES = 1 << 16
_HEX = "[0-9a-f]" * 32
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\.\w+)?")
_DATA_VARIABLE = "CIR_DATA"


def expand_data_folder(path: str | Path) -> Path:
    """Return a path with `$CIR_DATA` replaced by the folder of note banks that it names.

    Raises:
        InputError: The path has `$CIR_DATA`, and the environment does not.
    """
    text, name = str(path), f"${_DATA_VARIABLE}"
    folder = os.environ.get(_DATA_VARIABLE)
    if name in text and not folder:
        raise InputError(
            f"{text} needs the environment variable {_DATA_VARIABLE}: set it to the folder that "
            "holds the note banks, or name another source."
        )
    return Path(text.replace(name, folder or ""))


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one sentence where the disk is full, whoever notices it.

    Raises:
        StorageError: it is, while this is open.
    """
    try:
        yield
    except CirError:
        raise
    except Exception as error:
        if not _is_full(error, place):
            raise
        raise StorageError(
            f"The disk is full: {place} cannot be written; free some space, or name a folder on "
            "another disk."
        ) from error


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it over `path` on success, remove it on any error.

    Missing parent folders are made. The temporary name keeps the suffix of `path`, for writers that
    look at it; `is_temporary` knows it.

    Raises:
        StorageError: the disk is full.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")
    try:
        with writing(target):  # looks at the disk before anything is removed
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Whether a file is one that `replacing` gives, or gave to a writer that was killed."""
    return _TEMPORARY.fullmatch(path.name) is not None


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`, which takes its place on success and is gone otherwise.

    Missing parent folders are made. What writers of the same folder left that were killed is
    removed, and what they had put aside is put back.

    Raises:
        StorageError: the disk is full.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _held(folder.parent):
            bring_back(folder)
            for left in folder.parent.glob(f".{glob.escape(folder.name)}-{_HEX}"):
                _remove_unless_held(left)
            temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
            temporary.mkdir()
            held = hold(temporary)
    try:
        with writing(folder):
            yield temporary
            replace_folder(temporary, folder)
    finally:
        held.release()
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def workspace(kind: str, place: Path | None = None) -> Iterator[Path]:
    """Give an empty folder for temporary files, which is gone afterwards.

    Those of killed processes are removed: nobody holds them any more.

    Args:
        kind: a word for its name.
        place: where it lies, a folder; the system's own place by default.

    Raises:
        StorageError: the disk is full.
    """
    place = place or Path(tempfile.gettempdir())
    for left in place.glob(f"cir-{kind}-*"):
        _remove_unless_held(left)
    with writing(place):
        made = Path(tempfile.mkdtemp(prefix="cir-new-", dir=place))
        held = hold(made)
        # Only now, when it is held, can it be told from what was left.
        folder = made.rename(place / made.name.replace("new", kind, 1))
    try:
        with writing(folder):
            yield folder
    finally:
        held.release()
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, target: Path) -> None:
    """Move a finished folder over another one, which is gone afterwards.

    Killed between its two renames, it leaves the other one as `set_aside(target)`.
    """
    old = set_aside(target)
    shutil.rmtree(old, ignore_errors=True)
    if not target.exists():
        new.rename(target)
        return
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def bring_back(target: Path) -> None:
    """Undo a `replace_folder` that was killed between its two renames."""
    old = set_aside(target)
    if old.exists() and not target.exists():
        old.rename(target)


def set_aside(target: Path) -> Path:
    """Where `replace_folder` keeps the old folder while it works."""
    return target.with_name(f".{target.name}.old")


def _is_full(error: Exception, place: Path) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    if "No space left" in str(error):  # safetensors
        return True
    existing = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free < _FULL_BYTES  # libsndfile does not say why it fails


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a folder from all others that ask for it this way."""
    held = hold(folder)
    try:
        yield
    finally:
        held.release()


def _remove_unless_held(folder: Path) -> None:
    """Remove what a writer was killed over; who still writes holds its folder."""
    held = hold_if_free(folder)
    if held is not None:
        shutil.rmtree(folder, ignore_errors=True)
        held.release()
