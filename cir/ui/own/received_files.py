"""What the drop zone sends: which files were uploaded, checked, since a page can say anything."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from gradio.utils import get_upload_folder

from cir.errors import InputError
from cir.library.sounds import Upload
from cir.ui.own.library import PAGE_LIMITS

_MAX_PARTS = 12
_MAX_NAME = 120
_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_uploads(sent: Any) -> tuple[Upload, ...]:
    """Turn a list of `{"path": ..., "inside": ...}` into uploads.

    Raises:
        InputError: it is no such list, too long, or names a file that Gradio has not received.
    """
    if not isinstance(sent, list) or not sent:
        raise InputError("No file has arrived; choose some again.")
    if len(sent) > PAGE_LIMITS.sounds:
        raise InputError(
            f"{len(sent):,} files are more than the {PAGE_LIMITS.sounds:,} that can be added at "
            "once; take them in several parts, or as one zip."
        )
    folder = Path(get_upload_folder()).resolve()
    return tuple(_read_upload(one, folder) for one in sent)


def merge_uploads(old: Iterable[Upload], new: Iterable[Upload]) -> tuple[Upload, ...]:
    """Put new uploads behind old ones; the same place again counts once."""
    return tuple({upload.inside: upload for upload in (*old, *new)}.values())


def _read_upload(sent: Any, folder: Path) -> Upload:
    if not isinstance(sent, dict):
        raise InputError("What arrived is no list of files; choose them again.")
    path = Path(str(sent.get("path", ""))).resolve()
    # Gradio puts each upload into a folder named by the digest of its content.
    if path.parent.parent != folder or not _DIGEST.fullmatch(path.parent.name):
        raise InputError("One of the files is none that was uploaded; choose them again.")
    if not path.is_file():
        raise InputError(f"{path.name} is not there any more; choose the files again.")
    return Upload(path, _place(str(sent.get("inside", "")), path.name))


def _place(inside: str, fallback: str) -> PurePosixPath:
    """Read where a file lay, leaving out whatever is no plain name."""
    parts = [part.strip()[-_MAX_NAME:] for part in re.split(r"[/\\]", inside)]
    plain = [part for part in parts if part.strip(". ") and part.isprintable()]
    return PurePosixPath(*(plain[-_MAX_PARTS:] or [fallback]))
