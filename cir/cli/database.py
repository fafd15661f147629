"""`cir database`: look at, build, extend and export databases of instruments."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cir.cli.options import (
    KNOWN_BY,
    DatabaseOption,
    DataOption,
    JsonOption,
    ModelOption,
    NoteBankOption,
    load_encoder,
    load_torch_encoder,
    note_bank_folders,
    open_gallery,
    open_note_banks,
    surge_banks,
)
from cir.cli.terminal import progress_bar
from cir.errors import DatabaseError

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

_LICENCE_OF_SURGE = "GPL-3.0-or-later (Surge)"


@app.command()
def info(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Show what a database holds."""
    from cir.index.database import InstrumentDatabase

    found = InstrumentDatabase.open(database).info()
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
        str | None, typer.Option(help="Licence of the recorded notes; known for those of Surge.")
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
    surge = surge_banks() if os.environ.get("CIR_DATA") else ()
    known = {folder.resolve(): _LICENCE_OF_SURGE for folder in surge}
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
def chroma(database: DatabaseOption = None) -> None:
    """Write the embeddings into a Chroma store for other programs, and print its folder.

    Searches do not need it. What is there already costs nothing; a database that changed gets
    another folder.
    """
    from cir.index.database import InstrumentDatabase

    opened = InstrumentDatabase.open(database)
    with progress_bar("Writing to Chroma", least_seconds=2.0) as progress:
        folder = opened.prepare(progress)
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
    database: DatabaseOption = None,
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
def calibrate(
    data: DataOption = None,
    database: DatabaseOption = None,
    mixtures: Annotated[
        int, typer.Option(min=1, help="Number of mixtures of held-out instruments.")
    ] = 2_000,
    references: Annotated[
        int, typer.Option(min=1, help="Reference notes of each instrument.")
    ] = KNOWN_BY,
    hub_mixtures: Annotated[
        int, typer.Option(min=3, help="Number of mixtures of the train split, for hubs.")
    ] = 1_200,
    split: Annotated[str, typer.Option(help="Split of the held-out instruments.")] = "valid",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the mixtures.")] = 0,
    model: ModelOption = None,
) -> None:
    """Fit hub penalties and chances, and store them with a database.

    Mixtures of the train split give the hubs: instruments that are near to all queries. Searches
    with mixtures of held-out instruments give the chance that a match is right, and the similarity
    below which an instrument is probably not in the database. Chances need 15 instruments of a
    family that are in both the data and the database.
    """
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.evaluation.calibrate import calibrate as fit
    from cir.evaluation.calibrate import hold_to
    from cir.evaluation.fit_hubs import fit_hubs
    from cir.evaluation.listeners import Corrected
    from cir.index.database import InstrumentDatabase

    gallery = open_gallery(data, references)
    opened = InstrumentDatabase.open(database)
    encoder = load_torch_encoder(model)
    opened.check_encoder(encoder)
    with progress_bar("Finding hubs") as progress:
        hubs = fit_hubs(encoder, gallery, n_mixtures=hub_mixtures, seed=seed, progress=progress)
    with progress_bar("Calibrating") as progress:
        calibration = fit(
            Corrected(encoder, hubs),
            gallery,
            n_mixtures=mixtures,
            split=split,
            seed=seed,
            progress=progress,
        )
    calibration = hold_to(calibration, gallery, opened.instruments())
    opened.set_hubs(hubs)
    opened.set_calibration(calibration)
    known = ", ".join(calibration.candidates) or "no family"
    typer.echo(f"Stored the chances of {opened.path}: fitted on {calibration.about}.")
    typer.echo(f"They are known for {known}; other matches are described in words.")


@app.command()
def add(
    sounds: Annotated[
        list[str],
        typer.Argument(
            help="Sound files, sound fonts (sf2, sf3), presets (vital, fxp, syx, xiz, bank, sfz); "
            "folders and zips of these; plugin:PATH[?presets=FOLDER]."
        ),
    ],
    database: DatabaseOption = None,
    family: Annotated[
        str | None,
        typer.Option(
            help="Family of all sounds; by default from metadata, folders and file names."
        ),
    ] = None,
    bank: Annotated[
        str | None, typer.Option(help="By default the name of the folder, archive or sound font.")
    ] = None,
    author: Annotated[str, typer.Option(help="By default from sound fonts and presets.")] = "",
    licence: Annotated[str, typer.Option(help="By default from sound fonts and presets.")] = "",
    model: ModelOption = None,
) -> None:
    """Add sounds to a database of your own; the folder is created if it is missing.

    Sounds that are there are skipped: after Ctrl-C, the same command goes on.
    """
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.library.sounds import Labels, add_sounds

    encoder = load_encoder(model)
    with progress_bar("Adding sounds") as progress:
        report = add_sounds(
            database,
            encoder,
            sounds,
            Labels(family=family, bank=bank, author=author, licence=licence),
            progress=progress,
        )
    for reason in report.refused:
        typer.echo(f"left out: {reason}", err=True)
    for notice in report.notices:
        typer.echo(notice, err=True)
    without = sum(instrument.family is None for instrument in report.added)
    there = f"; {report.unchanged} were there already" if report.unchanged else ""
    typer.echo(f"Added {len(report.added)} instruments to {database}{there}.")
    if without:
        typer.echo(
            f"{without} of them have no family in their name or folder: searches guess it from the "
            "sound. Name one (--family bass), or sort them into folders such as Bass and Pads.",
            err=True,
        )


@app.command("import")
def import_(
    archive: Annotated[Path, typer.Argument(help="A zip that `cir database export` made.")],
    database: DatabaseOption = None,
    model: ModelOption = None,
) -> None:
    """Add all instruments of an exported database to one of your own."""
    if database is None:
        raise DatabaseError(_NAME_ONE)
    from cir.library.database_archive import import_archive

    encoder = load_encoder(model)
    with progress_bar("Importing") as progress:
        report = import_archive(database, encoder, archive, progress=progress)
    replaced = f", and replaced {report.replaced}" if report.replaced else ""
    typer.echo(f"Added {report.added} instruments to {database}{replaced}.")


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="A new or empty folder, or a file NAME.zip.")],
    database: DatabaseOption = None,
) -> None:
    """Copy a database with all its sounds into a folder or a zip: JSON, CSV, safetensors, Opus."""
    from cir.index.database import InstrumentDatabase
    from cir.library.database_archive import export_archive

    with InstrumentDatabase.open(database) as opened, progress_bar("Exporting") as progress:
        if target.suffix.lower() == ".zip":
            export_archive(opened.path, target, progress)
        else:
            opened.export(target, progress)
        typer.echo(f"Wrote {len(opened)} instruments to {target}.")
