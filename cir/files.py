"""Files: atomic writing, removal of what killed writers leave, digests and `$CIR_DATA` paths."""

import errno
import glob
import hashlib
import os
import re
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cir.errors import CirError, InputError, StorageError

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_BYTES = 1 << 16
_HEX = "[0-9a-f]" * 32
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\.\w+)?")
_DATA_VARIABLE = "CIR_DATA"


@dataclass(frozen=True)
class _Hold:
    """A lock that lasts until it is released or the process ends."""

    descriptor: int | None

    def release(self) -> None:
        """Release the lock."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def _hold(folder: Path) -> _Hold:
    """Lock a folder, after any other process has released it.

    Raises:
        OSError: The folder does not exist, or cannot be read.
    """
    if fcntl is None:
        return _Hold(None)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return _Hold(descriptor)


def _hold_if_free(folder: Path) -> _Hold | None:
    """Lock a folder; None if another process holds it, or may, or it is not a readable folder."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return _Hold(descriptor)
    return None


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
    """Turn any error because of a full disk into one sentence.

    Raises:
        StorageError: The disk is full.
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
    """Yield a temporary path beside `path`, which replaces `path` unless there is an error.

    Missing parent folders are created. The temporary name keeps the suffix of `path`, since writers
    may depend on it; see `is_temporary`.

    Raises:
        StorageError: The disk is full.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")
    try:
        with writing(target):  # checks the disk before the temporary file is removed
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Return whether a file is a temporary one of `replacing`, of a killed writer or not."""
    return _TEMPORARY.fullmatch(path.name) is not None


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`, which replaces `folder` unless there is an error.

    Missing parent folders are created. Temporary folders of killed writers of the same folder are
    removed, and folders that they had set aside are restored.

    Raises:
        StorageError: The disk is full.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _held(folder.parent):
            bring_back(folder)
            for left in folder.parent.glob(f".{glob.escape(folder.name)}-{_HEX}"):
                _remove_unless_held(left)
            temporary = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
            temporary.mkdir()
            held = _hold(temporary)
    try:
        with writing(folder):
            yield temporary
            replace_folder(temporary, folder)
    finally:
        held.release()
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def workspace(kind: str, place: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder for temporary files, and remove it afterwards.

    Such folders of killed processes are removed too.

    Args:
        kind: A word for its name.
        place: Parent folder; by default the system's folder for temporary files.

    Raises:
        StorageError: The disk is full.
    """
    place = place or Path(tempfile.gettempdir())
    for left in place.glob(f"cir-{kind}-*"):
        _remove_unless_held(left)
    with writing(place):
        made = Path(tempfile.mkdtemp(prefix="cir-new-", dir=place))
        held = _hold(made)
        # It gets its name only when it is held: others remove unheld folders of this name.
        folder = made.rename(place / made.name.replace("new", kind, 1))
    try:
        with writing(folder):
            yield folder
    finally:
        held.release()
        shutil.rmtree(folder, ignore_errors=True)


def replace_folder(new: Path, target: Path) -> None:
    """Replace a folder by a finished one.

    If the process is killed between two renames, the old folder remains as `set_aside(target)`.
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
    """Restore the old folder if `replace_folder` was killed between its two renames."""
    old = set_aside(target)
    if old.exists() and not target.exists():
        old.rename(target)


def set_aside(target: Path) -> Path:
    """Return the place of the old folder during `replace_folder`."""
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
    """Hold a folder."""
    held = _hold(folder)
    try:
        yield
    finally:
        held.release()


def _remove_unless_held(folder: Path) -> None:
    """Remove a folder of a killed writer; running writers hold theirs."""
    held = _hold_if_free(folder)
    if held is not None:
        shutil.rmtree(folder, ignore_errors=True)
        held.release()


def sha256_of(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
