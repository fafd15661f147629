"""Checks of the upload list that the drop zone sends, since clients can send anything."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from gradio.utils import get_upload_folder

from cir.errors import InputError
from cir.library.sounds import UploadedFile
from cir.ui.own.library import PAGE_LIMITS

_MAX_PARTS = 12
_MAX_NAME = 120
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_uploads(sent: Any) -> tuple[UploadedFile, ...]:
    """Convert a list of `{"path": ..., "inside": ...}` to uploads.

    Raises:
        InputError: It is not such a list, is too long, or names a file that was not uploaded.
    """
    if not isinstance(sent, list) or not sent:
        raise InputError("No files arrived; choose them again.")
    if len(sent) > PAGE_LIMITS.sounds:
        raise InputError(
            f"{len(sent):,} files are more than the {PAGE_LIMITS.sounds:,} that can be added at "
            "once; add them in parts or as one zip."
        )
    folder = Path(get_upload_folder()).resolve()
    return tuple(_read_upload(one, folder) for one in sent)


def merge_uploads(
    old: Iterable[UploadedFile], new: Iterable[UploadedFile]
) -> tuple[UploadedFile, ...]:
    """Append new uploads to old ones; a later upload replaces one of the same place."""
    return tuple({upload.inside: upload for upload in (*old, *new)}.values())


def _read_upload(sent: Any, folder: Path) -> UploadedFile:
    if not isinstance(sent, dict):
        raise InputError("The list of files is damaged; choose them again.")
    path = Path(str(sent.get("path", ""))).resolve()
    # Gradio stores each upload in a folder named after the digest of its content.
    if path.parent.parent != folder or not _DIGEST.fullmatch(path.parent.name):
        raise InputError("One of the files was not uploaded; choose them again.")
    if not path.is_file():
        raise InputError(f"{path.name} is no longer on the server; choose the files again.")
    return UploadedFile(path, _place(str(sent.get("inside", "")), path.name))


def _place(inside: str, fallback: str) -> PurePosixPath:
    """Read the original place of a file, without parts that are not plain names."""
    parts = [part.strip()[-_MAX_NAME:] for part in re.split(r"[/\\]", inside)]
    plain = [part for part in parts if part.strip(". ") and part.isprintable()]
    return PurePosixPath(*(plain[-_MAX_PARTS:] or [fallback]))
