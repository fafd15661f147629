"""Hold large folders of the working tree aside while it travels, and put them back.

python -m benchmarks.gpu.hold hold
python -m benchmarks.gpu.hold restore

A call of the device tool takes 64 MiB, the working tree among them. What a training does not read
waits in runs/held, which git ignores.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from cir.errors import CirError, DataError, InputError

MIB = 2**20
HELD = (
    "cir/assets/database",
    "cir/assets/examples",
    "cir/assets/learn",
    "cir/assets/model",
    "docs",
    "notebooks",
    "tests",
)
_PLACE = "runs/held"
_STATUS = "status.txt"


def hold(tree: Path) -> None:
    """Move the folders aside.

    Raises:
        InputError: They are aside already.
    """
    place = tree / _PLACE
    if place.exists():
        raise InputError(f"{place} exists: folders are held already; restore them first.")
    status = _status(tree)
    place.mkdir(parents=True)
    (place / _STATUS).write_text(status, encoding="utf-8")
    for name in HELD:
        if (tree / name).is_dir():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).rename(place / name)


def restore(tree: Path) -> None:
    """Put the folders back, and check that git finds them as they were.

    Raises:
        InputError: Nothing is held.
        DataError: Something else lies in a folder's place, or git finds a difference.
    """
    place = tree / _PLACE
    if not (place / _STATUS).is_file():
        raise InputError(f"Nothing is held in {place}.")
    for name in HELD:
        if (place / name).is_dir():
            if (tree / name).exists():
                raise DataError(f"{tree / name} exists beside the held one; move it away first.")
            (place / name).rename(tree / name)
    if _status(tree) != (place / _STATUS).read_text(encoding="utf-8"):
        raise DataError(
            f"git status of {', '.join(HELD)} differs from {place / _STATUS}; compare them, then "
            f"delete {place}."
        )
    (place / _STATUS).unlink()
    for folder in sorted(place.rglob("*"), reverse=True):
        folder.rmdir()
    place.rmdir()


def tree_bytes(tree: Path) -> tuple[int, int]:
    """What travels: bytes of the folders to hold, and of all else."""
    listed = _git(tree, "ls-files", "-coz", "--exclude-standard").split("\0")
    held = rest = 0
    for name in set(listed) - {""}:
        path = tree / name
        size = path.lstat().st_size if path.is_symlink() or path.is_file() else 0
        if any(name.startswith(f"{folder}/") for folder in HELD):
            held += size
        else:
            rest += size
    return held, rest


def _status(tree: Path) -> str:
    return _git(tree, "status", "--porcelain", "--untracked-files=all", "--", *HELD)


def _git(tree: Path, *words: str) -> str:
    try:
        return subprocess.run(
            ["git", *words], cwd=tree, check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"{tree.resolve()} is no checkout that git can read ({error}).") from error


def main() -> None:
    """Hold or restore, and say what travels."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("hold", "restore"))
    given = parser.parse_args()
    try:
        {"hold": hold, "restore": restore}[given.what](Path())
        print(f"{sum(tree_bytes(Path())) / MIB:.1f} MiB would travel now.")
    except CirError as error:
        print(f"hold: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
