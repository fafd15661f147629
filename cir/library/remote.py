"""Databases by name: a folder on this machine, or a dataset of the Hugging Face Hub.

A dataset holds the tables of a bundle and all its sounds in one archive, because the Hub limits the
number of requests. The sounds are unpacked once.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from cir.errors import DatabaseError, InputError
from cir.files import replacing_folder, sha256_of
from cir.index.bundle import HEADER_NAME, PHRASES_NAME, PREVIEWS_NAME, is_bundle
from cir.index.home import home
from cir.instruments.safe_zip import extract_sounds
from cir.model.hub import Kind, fetch

DATABASE_VARIABLE = "CIR_DATABASE"
"""Environment variable: folder or Hub id of the page's database."""

ARCHIVE_NAME = "sounds.zip"
"""Beside the tables: `previews/<id>.opus`, `phrases/<id>.opus` and `metadata.csv`."""

TABLE_PATTERNS = ("*.json", "*.csv", "*.safetensors")
"""The tables of a bundle, and the files that were fitted for it."""

DATABASE = Kind("database", "dataset", (*TABLE_PATTERNS, ARCHIVE_NAME), HEADER_NAME, DatabaseError)


def resolve_database(
    source: str | Path, revision: str | None = None, *, token: str | bool | None = None
) -> Path:
    """Return the folder of a database; a database of the Hub is downloaded and unpacked first.

    Args:
        source: A folder, or a Hub id like `owner/name`; an existing folder takes precedence.
        revision: Branch, tag or commit hash of a Hub dataset; None is its main branch.
        token: Hub token; None takes the one of `hf auth login` or HF_TOKEN.

    Raises:
        DatabaseError: There is no such folder, dataset or revision, it may not be read, it is no
            database, or the Hub cannot be reached.
    """
    folder = fetch(source, revision, token=token, kind=DATABASE)
    if not is_bundle(folder):
        raise DatabaseError(
            f"{str(source)!r} is no database of this library, it has no {HEADER_NAME}: give one "
            "that `cir publish --dataset` or `cir database export` wrote."
        )
    archive = folder / ARCHIVE_NAME
    return _unpacked(folder, archive) if archive.is_file() else folder


def _unpacked(folder: Path, archive: Path) -> Path:
    """Return the folder of a bundle with the sounds of an archive; make it if there is none."""
    tables = sorted(path for pattern in TABLE_PATTERNS for path in folder.glob(pattern))
    content = hashlib.sha256()
    for path in (*tables, archive):
        content.update(path.name.encode() + bytes.fromhex(sha256_of(path)))
    target = home() / "databases" / content.hexdigest()[:20]
    target.parent.mkdir(exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not is_bundle(target):
            with replacing_folder(target) as made:
                _fill(made, tables, archive)
    return target


def _fill(made: Path, tables: list[Path], archive: Path) -> None:
    for path in tables:
        shutil.copyfile(path, made / path.name)
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        try:
            sounds, skipped = extract_sounds(archive, Path(scratch))
        except InputError as error:
            raise DatabaseError(str(error)) from error
        if skipped:
            raise DatabaseError(f"{skipped[0].why} Download the database again.")
        for sound in sounds:
            inside = sound.inside
            if str(inside.parent) in (PREVIEWS_NAME, PHRASES_NAME) and inside.suffix == ".opus":
                target = made / inside.parent / inside.name
                target.parent.mkdir(exist_ok=True)
                sound.path.rename(target)
