"""`cir database`: look at, build, extend and export databases of instruments."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cir.cli.adding import bring, print_report
from cir.cli.options import (
    KNOWN_BY,
    DatabaseOption,
    DataOption,
    JsonOption,
    ModelOption,
    NoteBankOption,
    OwnDatabaseOption,
    bundled_banks,
    load_encoder,
    load_torch_encoder,
    note_bank_folders,
    open_gallery,
    open_note_banks,
)
from cir.cli.terminal import progress_bar, warn_once
from cir.errors import DatabaseError, InputError
from cir.files import workspace

if TYPE_CHECKING:
    from cir.index.server_database import ServerDatabase

app = typer.Typer(
    help="Look at, build, extend and export databases of instruments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_SHOWN_BANKS = 12
_NAME_ONE = (
    "The bundled database cannot be changed; name the folder of your own, new or not, with "
    "--database FOLDER."
)
_SHOWN_REASONS = 5


@app.command()
def info(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show what a database holds."""
    from cir.index.opening import open_database

    found = open_database(database).info()
    if as_json:
        print(json.dumps({**asdict(found), "path": str(found.path)}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    banks = list(found.banks.items())
    shown = ", ".join(f"{name} {count}" for name, count in banks[:_SHOWN_BANKS])
    more = f" and {len(banks) - _SHOWN_BANKS} more" if len(banks) > _SHOWN_BANKS else ""
    for name, value in (
        ("path", str(found.path)),
        ("model", found.identity),
        ("dimension", str(found.dimension)),
        ("instruments", str(found.n_instruments)),
        ("sources", ", ".join(f"{name} {count}" for name, count in found.sources.items())),
        ("families", ", ".join(f"{name} {count}" for name, count in found.families.items())),
        ("banks", shown + more),
        ("chances", found.calibration or "none; fit them with `cir database calibrate`"),
    ):
        table.add_row(Text(name, style="bold"), Text(value))
    if found.map_trustworthiness is not None:
        trust = Text(f"trustworthiness {found.map_trustworthiness:.3f}")
        table.add_row(Text("map", style="bold"), trust)
    Console().print(table)


@app.command()
def build(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    note_bank: NoteBankOption = None,
    with_note_bank: Annotated[
        bool,
        typer.Option("--with-note-bank/--without-note-bank", help="Include the recorded notes."),
    ] = True,
    licence: Annotated[
        str | None,
        typer.Option(
            help="Licence of the recorded notes; known for those of the bundled database."
        ),
    ] = None,
    soundfont: Annotated[
        list[Path] | None, typer.Option(help="A .sf2 or .sf3 file; repeat it. TimGM6mb by default.")
    ] = None,
    with_soundfonts: Annotated[
        bool, typer.Option("--with-soundfonts/--without-soundfonts", help="Include sound fonts.")
    ] = True,
    references: Annotated[
        int, typer.Option(min=1, help="Reference notes of each recorded instrument.")
    ] = KNOWN_BY,
    with_phrases: Annotated[
        bool, typer.Option("--with-phrases/--without-phrases", help="Render missing phrases.")
    ] = True,
    keep_sounds: Annotated[
        bool,
        typer.Option(
            "--keep-sounds/--new-sounds",
            help="Keep previews and phrases of instruments of the older database.",
        ),
    ] = True,
    model: ModelOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the map.")] = 0,
) -> None:
    """Build a database from recorded notes and sound fonts, replacing an older one.

    Fit its chances afterwards with `cir database calibrate`.
    """
    from cir.index.build import build_database
    from cir.index.references import NoteBankReferences, ReferenceSource, SoundFontReferences

    folders = note_bank_folders(note_bank, with_note_bank)
    bundled = bundled_banks() if os.environ.get("CIR_DATA") else {}
    known = {folder.resolve(): text for folder, text in bundled.items()}
    sources: list[ReferenceSource] = [
        NoteBankReferences(folder, references, licence=known.get(folder.resolve(), licence or ""))
        for folder in folders
    ]
    if with_soundfonts:
        fonts: list[Path | None] = [*(soundfont or [])] or [None]
        sources += [SoundFontReferences(path) for path in fonts]
    encoder = load_torch_encoder(model)
    with progress_bar("Building the database") as progress:
        made = build_database(
            output,
            encoder,
            sources,
            seed=seed,
            with_phrases=with_phrases,
            note_banks=open_note_banks(folders),
            keep_sounds=keep_sounds,
            progress=progress,
        )
    typer.echo(f"Wrote {len(made)} instruments to {made.path}.")
    if made.calibration is None:
        typer.echo(
            "It has no chances yet: run `cir database calibrate` with data of held-out "
            "instruments.",
            err=True,
        )


@app.command()
def chroma(
    database: DatabaseOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="A Chroma server instead: chroma://HOST:PORT/NAME."),
    ] = None,
) -> None:
    """Write the embeddings into a Chroma store for other programs, or to a server.

    Searches do not need the store, whose folder is printed; a database that changed gets another
    one. On a server it is `--database chroma://HOST:PORT/NAME`; after Ctrl-C the same command goes
    on.
    """
    from cir.index.database import InstrumentDatabase

    opened = InstrumentDatabase.open(database)
    if to is None:
        with progress_bar("Writing to Chroma", least_seconds=2.0) as progress:
            print(opened.prepare(progress))
        return
    server = _server(to, (opened.identity, opened.dimension))
    if server is None:
        raise InputError(f"--to names a server, chroma://HOST:PORT/NAME, not {to!r}.")
    with progress_bar("Writing to Chroma", least_seconds=2.0) as progress:
        server.add_all(opened, progress)
    typer.echo(f"{server.location} has {len(server)} instruments.")


@app.command()
def index(database: DatabaseOption = None) -> None:
    """Build the index of a large database, and print its folder.

    Searches build it in the background; this command waits for it.
    """
    from cir.index.opening import open_database
    from cir.index.scale import EXACT_LIMIT

    opened = open_database(database)
    with progress_bar("Building the index", least_seconds=2.0) as progress:
        folder = opened.index(progress)
    if folder is None:
        typer.echo(
            f"{len(opened):,} instruments need no index: up to {EXACT_LIMIT:,} are all compared."
        )
    else:
        print(folder)


@app.command()
def phrases(
    note_bank: NoteBankOption = None,
    with_note_bank: Annotated[
        bool,
        typer.Option(
            "--with-note-bank/--without-note-bank", help="Render phrases of recorded instruments."
        ),
    ] = True,
    database: OwnDatabaseOption = None,
) -> None:
    """Render a short phrase of each instrument of a database, besides its preview.

    Recorded instruments play their recorded notes, others use their engines. Embeddings stay.
    """
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.index.database import InstrumentDatabase
    from cir.index.phrases import add_phrases

    with InstrumentDatabase.open(database) as opened, progress_bar("Playing phrases") as progress:
        banks = open_note_banks(note_bank_folders(note_bank, with_note_bank))
        report = add_phrases(opened, banks, progress=progress)
    for reason in report.left_out[:_SHOWN_REASONS]:
        typer.echo(f"left out: {reason}", err=True)
    if len(report.left_out) > _SHOWN_REASONS:
        typer.echo(f"and {len(report.left_out) - _SHOWN_REASONS} more", err=True)
    typer.echo(f"Wrote {report.n_written} phrases to {opened.path}.")


@app.command()
def describe(database: OwnDatabaseOption = None) -> None:
    """Measure brightness, attack and noisiness of each preview, for the sliders of the page.

    Only previews that were not measured yet: after Ctrl-C, the same command goes on. Databases
    that are built or extended now have them already.
    """
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.index.database import InstrumentDatabase

    with InstrumentDatabase.open(database) as opened, progress_bar("Measuring") as progress:
        measured, left_out = opened.describe(progress)
    without = f"; {left_out} have no preview that can be measured" if left_out else ""
    typer.echo(f"Measured {measured} instruments of {opened.path}{without}.")


@app.command()
def calibrate(
    data: DataOption = None,
    database: OwnDatabaseOption = None,
    mixtures: Annotated[
        int, typer.Option(min=1, help="Number of mixtures of held-out instruments.")
    ] = 2_000,
    references: Annotated[
        int, typer.Option(min=1, help="Reference notes of each instrument.")
    ] = KNOWN_BY,
    split: Annotated[str, typer.Option(help="Split of the held-out instruments.")] = "valid",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the mixtures.")] = 0,
    model: ModelOption = None,
) -> None:
    """Fit chances, and store them with a database.

    Searches with mixtures of held-out instruments give the chance that a match is right, and the
    similarity below which an instrument is probably not in the database. Chances need 15
    instruments of a family that are in both the data and the database.
    """
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.evaluation.calibrate import calibrate as fit
    from cir.evaluation.calibrate import hold_to
    from cir.index.database import InstrumentDatabase

    gallery = open_gallery(data, references)
    opened = InstrumentDatabase.open(database)
    encoder = load_torch_encoder(model)
    opened.check_encoder(encoder)
    with progress_bar("Calibrating") as progress:
        calibration = fit(
            encoder,
            gallery,
            n_mixtures=mixtures,
            split=split,
            seed=seed,
            progress=progress,
        )
    calibration = hold_to(calibration, gallery, opened.instruments())
    opened.set_calibration(calibration)
    known = ", ".join(calibration.candidates) or "no family"
    typer.echo(f"Stored the chances of {opened.path}: fitted on {calibration.about}.")
    typer.echo(f"They are known for {known}; other matches are described in words.")


_SOUNDS_HELP = (
    "Sound files, sound fonts (sf2, sf3), presets (vital, fxp, syx, xiz, bank, sfz); folders and "
    "zips of these; note banks and databases; plugin:PATH[?presets=FOLDER]."
)
FamilyOfAll: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Family of all sounds; by default from metadata, folders and file names."),
]
BankOfAll: TypeAlias = Annotated[
    str | None, typer.Option(help="By default the name of the folder, archive or sound font.")
]
AuthorOfAll: TypeAlias = Annotated[
    str, typer.Option(help="By default from sound fonts and presets.")
]
RemoveMissing: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--remove-missing/--keep-missing",
        help="Remove instruments whose files have gone from the folders; they are kept by default, "
        "as a disk may just not be there.",
    ),
]


@app.command()
def add(
    sounds: Annotated[list[str], typer.Argument(help=_SOUNDS_HELP)],
    database: OwnDatabaseOption = None,
    family: FamilyOfAll = None,
    bank: BankOfAll = None,
    author: AuthorOfAll = "",
    licence: AuthorOfAll = "",
    remove_missing: RemoveMissing = False,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Address of a Ray cluster that decodes, plays and embeds, such as auto or "
            "ray://HOST:10001; its machines must see the files under the same paths."
        ),
    ] = None,
    model: ModelOption = None,
) -> None:
    """Add sounds to a database of your own; the folder is created if it is missing.

    Recordings of one instrument at several pitches or velocities, told by their names, are one
    instrument. What is there already and has not changed is skipped: after Ctrl-C, or when a folder
    has got new files, the same command goes on. Files that were moved keep their instruments.
    """
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.library.database_archive import is_database
    from cir.library.sounds import Labels, Limits, add_sounds

    encoder = load_encoder(model)
    server = _server(database, (encoder.identity, encoder.embedding_size))
    folder = database if server is None else server.path
    if server is not None:
        server.note_sent()
    for one in filter(is_database, sounds):
        bring(folder, encoder, Path(one))
    sounds = [one for one in sounds if not is_database(one)]
    if not sounds:
        if server is not None:
            _send(server)
        return
    workers = None
    if ray is not None:
        from cir.library.ray_workers import RayWorkers

        workers = RayWorkers(encoder, ray)
    with progress_bar("Looking for sounds") as progress:
        report = add_sounds(
            folder,
            encoder,
            sounds,
            Labels(family=family, bank=bank, author=author, licence=licence),
            limits=Limits.none(),
            progress=progress,
            remove_missing=remove_missing,
            workers=workers,
        )
    if server is not None:
        _send(server)
    print_report(report, database if server is None else server.location)


@app.command()
def watch(
    folders: Annotated[list[Path], typer.Argument(help="Folders of sounds.")],
    database: OwnDatabaseOption = None,
    family: FamilyOfAll = None,
    bank: BankOfAll = None,
    author: AuthorOfAll = "",
    licence: AuthorOfAll = "",
    remove_missing: RemoveMissing = False,
    model: ModelOption = None,
) -> None:
    """Add the sounds of folders, and again whenever something in them changes, until Ctrl-C."""
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.index.server_database import server_address
    from cir.library.sounds import Labels
    from cir.library.watching import watch_folders

    if server_address(database) is not None:
        raise InputError(
            "`watch` keeps a folder current; for a database on a server, repeat `cir database add`."
        )
    encoder = load_encoder(model)
    labels = Labels(family=family, bank=bank, author=author, licence=licence)
    reports = watch_folders(database, encoder, folders, labels, remove_missing=remove_missing)
    for report in reports:
        print_report(report, database)


@app.command("import")
def import_(
    archive: Annotated[
        Path, typer.Argument(help="A zip or folder that `cir database export` made.")
    ],
    database: OwnDatabaseOption = None,
    model: ModelOption = None,
) -> None:
    """Add all instruments of an exported database to one of your own."""
    if database is None:
        raise DatabaseError(_NAME_ONE)
    encoder = load_encoder(model)
    server = _server(database, (encoder.identity, encoder.embedding_size))
    bring(database if server is None else server.path, encoder, archive)
    if server is not None:
        _send(server)


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="A new or empty folder, or a file NAME.zip.")],
    database: DatabaseOption = None,
    parquet: Annotated[
        bool,
        typer.Option(
            "--parquet", help="For pandas and DuckDB: instruments.parquet, embeddings.safetensors."
        ),
    ] = False,
) -> None:
    """Copy a database with all its sounds into a folder or a zip: JSON, CSV, safetensors, Opus."""
    from cir.index.opening import open_database
    from cir.index.parquet import write_parquet
    from cir.index.server_database import server_address
    from cir.library.database_archive import export_archive

    with open_database(database) as opened, progress_bar("Exporting") as progress:
        if parquet:
            write_parquet(opened, target, progress)
        elif target.suffix.lower() == ".zip" and server_address(database):
            with workspace("export") as folder:
                copy = folder / "copy" / "database"  # its parent is locked, as the workspace is
                opened.export(copy, progress)
                export_archive(copy, target, progress)
        elif target.suffix.lower() == ".zip":
            export_archive(opened.path, target, progress)
        else:
            opened.export(target, progress)
        typer.echo(f"Wrote {len(opened)} instruments to {target}.")


def _server(place: Path | str, made_by: tuple[str, int]) -> "ServerDatabase | None":
    """Open a database on a server, which is made if it is missing; None for a folder.

    Args:
        place: What `--database` names.
        made_by: Identity of the model, and length of its embeddings.
    """
    from cir.index.server_database import ServerDatabase, server_address

    address = server_address(place)
    if address is None:
        return None
    waiting = warn_once(f"{address} does not answer; waiting for it.")
    return ServerDatabase.connect(address, create=made_by, waiting=waiting)


def _send(server: "ServerDatabase") -> None:
    """Tell the server what was added and removed on this machine."""
    with progress_bar("Writing to Chroma", least_seconds=2.0) as progress:
        server.send(progress)
