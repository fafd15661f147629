"""The example mixes that come with the package, and what is in them."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from cir.errors import DataError

EXAMPLES_FILE = "examples.json"


@dataclass(frozen=True)
class Example:
    """A mix whose instruments are known."""

    title: str
    path: Path
    instruments: dict[str, str]
    """By family: the id of the instrument that plays it."""


def examples_folder() -> Path:
    """Return the folder of the bundled example mixes."""
    return Path(str(files("cir"))) / "assets" / "examples"


def load_examples(folder: Path | None = None) -> tuple[Example, ...]:
    """Read `examples.json` of a folder; the bundled one where none is given.

    Raises:
        DataError: the file is missing or damaged, or a mix that it names is missing.
    """
    root = examples_folder() if folder is None else folder
    index = root / EXAMPLES_FILE
    try:
        rows = json.loads(index.read_text(encoding="utf-8"))["examples"]
        examples = tuple(
            Example(str(row["title"]), root / row["file"], dict(row["instruments"])) for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{index} is not a readable list of example mixes ({error}); install the package again."
        ) from error
    missing = [example.path.name for example in examples if not example.path.is_file()]
    if missing:
        raise DataError(f"{root} lacks {', '.join(missing)}; install the package again.")
    return examples
