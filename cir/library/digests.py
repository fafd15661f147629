"""Digests of the files that each instrument of a personal database was made of.

They save work when the same files are added again. `contents.json` is optional: if it is missing or
damaged, everything is embedded again.
"""

import hashlib
import json
from pathlib import Path

from cir.errors import InputError
from cir.files import replacing, sha256_of
from cir.schema import read_json

CONTENTS_NAME = "contents.json"


def read_digests(folder: Path) -> dict[str, str]:
    """Read the digest of each instrument, by id; empty if none are known."""
    try:
        return read_json(folder / CONTENTS_NAME, dict[str, str])
    except InputError:
        return {}


def write_digests(folder: Path, digests: dict[str, str]) -> None:
    """Store the digest of each instrument, by id."""
    with replacing(folder / CONTENTS_NAME) as temporary:
        temporary.write_text(json.dumps(digests, indent=0, sort_keys=True), encoding="utf-8")


def digest_of_file(path: Path) -> str:
    """Return the digest of a file's content, or of a folder's, as a plug-in may be one."""
    if path.is_file():
        return sha256_of(path)
    files = sorted(one for one in path.rglob("*") if one.is_file())
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
