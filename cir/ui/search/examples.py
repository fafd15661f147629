"""The bundled example mixes and their instruments."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

from cir.errors import DataError

EXAMPLES_FILE = "examples.json"


@dataclass(frozen=True)
class ExamplePart:
    """One instrument that plays in an example."""

    family: str
    instrument_id: str


@dataclass(frozen=True)
class Example:
    """An example mix with known instruments."""

    title: str
    path: Path
    instruments: tuple[ExamplePart, ...]
    """Its instruments; several may be of one family."""
    credit: str = ""
    """Author and licence of a song; empty for a mix that a program composed."""

    @property
    def families(self) -> tuple[str, ...]:
        """Families of its instruments, each once."""
        return tuple(dict.fromkeys(part.family for part in self.instruments))

    @property
    def instrument_ids(self) -> tuple[str, ...]:
        """Ids of its instruments."""
        return tuple(part.instrument_id for part in self.instruments)


def examples_folder() -> Path:
    """Return the folder of the bundled example mixes."""
    return Path(str(files("cir"))) / "assets" / "examples"


def load_examples(folder: Path | None = None) -> tuple[Example, ...]:
    """Read `examples.json` of a folder, the bundled one by default.

    Raises:
        DataError: The file is missing or damaged, or a mix that it names is missing.
    """
    root = examples_folder() if folder is None else folder
    index = root / EXAMPLES_FILE
    try:
        rows = json.loads(index.read_text(encoding="utf-8"))["examples"]
        examples = tuple(
            Example(
                str(row["title"]),
                root / row["file"],
                tuple(
                    ExamplePart(str(part["family"]), str(part["instrument_id"]))
                    for part in row["instruments"]
                ),
                str(row.get("credit", "")),
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{index} is not a readable list of example mixes ({error}); install the package again."
        ) from error
    missing = [example.path.name for example in examples if not example.path.is_file()]
    if missing:
        raise DataError(f"{root} lacks {', '.join(missing)}; install the package again.")
    return examples


def credits_note(examples: Sequence[Example]) -> str:
    """Render the credits of the songs among the examples; empty without songs."""
    lines = [f"{one.credit}." for one in examples if one.credit]
    return f'<p class="cir-hint">Songs: {escape(" ".join(lines))}</p>' if lines else ""
