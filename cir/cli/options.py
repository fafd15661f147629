"""Options and helpers that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cir.errors import InputError

if TYPE_CHECKING:
    from cir.evaluation.gallery import Gallery
    from cir.instruments.note_bank import NoteBank
    from cir.model.clip_encoder import ClipEncoder
    from cir.model.encoder import TimbreEncoder

ModelOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--model", help="Folder or Hub id of a model; the bundled one by default."),
]
DataOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="Instruments: the folder of a note bank, or bank:FOLDER, nsynth:FOLDER, "
        "soundfont:FILE, vital:FOLDER; may be repeated.",
    ),
]
DatabaseOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--database",
        "-d",
        help="Folder of a database, or chroma://HOST:PORT/NAME; the bundled one by default.",
    ),
]
OwnDatabaseOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--database",
        "-d",
        help="Folder of your own database; needed, since the bundled one cannot be changed.",
    ),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WordsOption: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Only instruments with these words in name, category, bank or author."),
]
CsvOption: TypeAlias = Annotated[bool, typer.Option("--csv", help="Print CSV, a row per match.")]
SaveOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--save", help="New folder for the matches as tables, previews and presets."),
]
FamilyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        "-f",
        help="Family to look for, such as bass; may be repeated, or several separated by commas. "
        "Percussion, bass and synth_lead by default.",
    ),
]

NoteBankOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        help="Folder of recorded notes (instruments.csv, notes.csv, notes/); repeat it. "
        "By default those of the bundled database: surge, surge_xt, banks/zynaddsubfx and "
        "banks/mda below $CIR_DATA."
    ),
]

_LICENCES = {
    "surge": "GPL-3.0-or-later (Surge)",
    "surge_xt": "GPL-3.0-or-later (Surge)",
    "banks/zynaddsubfx": "GPL-2.0-or-later (ZynAddSubFX)",
    "banks/mda": "GPL-2.0-or-later (mda)",
}
"""Of the note banks of the bundled database, by their folder."""

KNOWN_BY = 6
"""Maximum number of reference notes per instrument in a database."""


def parse_families(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Parse `--family bass --family organ,reed`; None without the option.

    Raises:
        InputError: A name is not a family.
    """
    if not values:
        return None
    from cir.instruments.families import check_families

    return check_families([name for value in values for name in value.split(",")])


def open_gallery(data: Sequence[str] | None, n_references: int = 1) -> "Gallery":
    """Open the instruments of `--data`, each with this many reference notes.

    Raises:
        InputError: It is missing, or names no data.
    """
    if not data:
        raise InputError("There are no instruments: name a note bank or other data (--data).")
    from cir.datasets.registry import open_dataset
    from cir.evaluation.gallery import Gallery

    datasets = [open_dataset(one if ":" in one else f"bank:{one}") for one in data]
    return Gallery(datasets, n_references=n_references)


def load_encoder(model: str | None) -> "ClipEncoder":
    """Load a model to embed with, the bundled one for None."""
    from cir.model.loading import load_encoder as load

    return load(model)


def load_torch_encoder(model: str | None) -> "TimbreEncoder":
    """Load a model for hours of work: in torch, on a GPU where there is one."""
    from cir.model.encoder import TimbreEncoder

    return TimbreEncoder.from_pretrained(model)


def check_output(path: Path, *suffixes: str) -> None:
    """Check an output path before the work starts.

    Raises:
        InputError: It is a folder or has another suffix.
    """
    allowed = " or ".join(suffixes)
    if path.suffix.lower() not in suffixes:
        raise InputError(f"The output must end in {allowed}, not {path.name!r}.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file that ends in {allowed}.")


def check_new(folder: Path | None) -> None:
    """Check an output folder before the work starts.

    Raises:
        InputError: It is there already.
    """
    if folder is not None and folder.exists():
        raise InputError(f"{folder} is there already; name a new folder.")


def note_bank_folders(named: Sequence[Path] | None, wanted: bool) -> Sequence[Path]:
    """Return the folders of `--note-bank`, those of the bundled database without it."""
    if not wanted:
        return ()
    return named or list(bundled_banks())


def bundled_banks() -> dict[Path, str]:
    """Return the folders of the recorded notes of the bundled database, and their licences."""
    from cir.files import expand_data_folder

    return {expand_data_folder(f"$CIR_DATA/{name}"): text for name, text in _LICENCES.items()}


def open_note_banks(folders: Sequence[Path]) -> "list[NoteBank]":
    """Open note banks."""
    from cir.instruments.note_bank import NoteBank

    return [NoteBank.open(folder) for folder in folders]
