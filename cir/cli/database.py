"""`cir database`: look at, build, extend and export databases of instruments."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cir.cli.options import (
    KNOWN_BY,
    DatabaseOption,
    DataOption,
    JsonOption,
    ModelOption,
    load_encoder,
    open_gallery,
)
from cir.cli.terminal import progress_bar
from cir.errors import DatabaseError

if TYPE_CHECKING:
    from cir.instruments.note_bank import NoteBank

app = typer.Typer(
    help="Look at, build, extend and export databases of instruments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_SHOWN_BANKS = 12
_NAME_ONE = (
    "The bundled database is not changed; name a folder for one of your own, new or not, "
    "with --database FOLDER."
)
_SHOWN_REASONS = 5

NoteBankOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        help="Folder of recorded notes (instruments.csv, notes.csv, notes/); repeat it. "
        "Those of Surge by default, ../shared/surge and ../shared/surge_xt.",
        show_default=False,
    ),
]
_SURGE_BANKS = (Path("../shared/surge"), Path("../shared/surge_xt"))
_LICENCE_OF_SURGE = "GPL-3.0-or-later (Surge)"


@app.command()
def info(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Say what a database holds."""
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
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write; the one inside the package by default.",
            show_default=False,
        ),
    ] = None,
    note_bank: NoteBankOption = None,
    with_note_bank: Annotated[
        bool, typer.Option("--with-note-bank/--without-note-bank", help="Take the recorded notes.")
    ] = True,
    licence: Annotated[
        str | None,
        typer.Option(
            help="Of the recorded notes; of those of Surge it is known.", show_default=False
        ),
    ] = None,
    soundfont: Annotated[
        list[Path] | None,
        typer.Option(
            help="A .sf2 or .sf3 file; repeat it. TimGM6mb by default.", show_default=False
        ),
    ] = None,
    with_soundfonts: Annotated[
        bool, typer.Option("--with-soundfonts/--without-soundfonts", help="Take sound fonts.")
    ] = True,
    references: Annotated[
        int, typer.Option(min=1, help="By how many of its notes a recorded instrument is known.")
    ] = KNOWN_BY,
    with_phrases: Annotated[
        bool,
        typer.Option(
            "--with-phrases/--without-phrases", help="Let those without a phrase play one."
        ),
    ] = True,
    keep_sounds: Annotated[
        bool,
        typer.Option(
            "--keep-sounds/--new-sounds",
            help="Leave instruments that are in the older database their previews and phrases.",
        ),
    ] = True,
    model: ModelOption = None,
    seed: Annotated[int, typer.Option(help="Of the map.")] = 0,
) -> None:
    """Build a database from recorded notes and sound fonts, in place of an older one.

    Its chances are to be fitted anew: `cir database calibrate`.
    """
    from cir.index.build import build_database
    from cir.index.database import BUNDLED_PATH
    from cir.index.references import NoteBankReferences, ReferenceSource, SoundFontReferences

    folders = _note_bank_folders(note_bank, with_note_bank)
    known = {folder.resolve(): _LICENCE_OF_SURGE for folder in _SURGE_BANKS}
    sources: list[ReferenceSource] = [
        NoteBankReferences(folder, references, licence=known.get(folder.resolve(), licence or ""))
        for folder in folders
    ]
    if with_soundfonts:
        fonts: list[Path | None] = [*(soundfont or [])] or [None]
        sources += [SoundFontReferences(path) for path in fonts]
    encoder = load_encoder(model)
    with progress_bar("Building the database") as progress:
        made = build_database(
            BUNDLED_PATH if output is None else output,
            encoder,
            sources,
            seed=seed,
            with_phrases=with_phrases,
            note_banks=_open_note_banks(folders),
            keep_sounds=keep_sounds,
            progress=progress,
        )
    typer.echo(f"Wrote {len(made)} instruments to {made.path}.")
    if made.calibration is None:
        typer.echo(
            "It cannot tell chances yet: run `cir database calibrate` with data of "
            "held-out instruments.",
            err=True,
        )


@app.command()
def phrases(
    note_bank: NoteBankOption = None,
    with_note_bank: Annotated[
        bool,
        typer.Option("--with-note-bank/--without-note-bank", help="Let recorded instruments play."),
    ] = True,
    database: DatabaseOption = None,
) -> None:
    """Let each instrument of a database play a short phrase, to be heard beside its preview.

    Recorded instruments play on their recorded notes, others through their engines. Embeddings and
    all else stay as they are.
    """
    from cir.index.database import InstrumentDatabase
    from cir.index.phrases import add_phrases

    with InstrumentDatabase.open(database) as opened, progress_bar("Playing phrases") as progress:
        banks = _open_note_banks(_note_bank_folders(note_bank, with_note_bank))
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
    mixtures: Annotated[int, typer.Option(min=1, help="How many mixes to listen to.")] = 2_000,
    references: Annotated[
        int, typer.Option(min=1, help="By how many of its notes an instrument is known.")
    ] = KNOWN_BY,
    hub_mixtures: Annotated[
        int, typer.Option(min=3, help="How many mixes of the train split to listen to before.")
    ] = 1_200,
    split: Annotated[
        str,
        typer.Option(help="Whose instruments play: those that the model was not trained on."),
    ] = "valid",
    seed: Annotated[int, typer.Option(min=0, help="Of the mixes.")] = 0,
    model: ModelOption = None,
) -> None:
    """Fit what marks down hubs and what turns similarities into chances, stored with a database.

    First the model listens to mixes of the train split: an instrument that is near to all of them
    says little by being near to another. Then it listens to mixes of held-out instruments and
    searches the data's references. What it gets right tells how far it can be trusted: the chance
    that a match is right, and when to say that an instrument is probably not there. Chances are
    known for families of which 15 instruments play, where the database's are those of the data.
    """
    from cir.evaluation.calibrate import calibrate as fit
    from cir.evaluation.calibrate import hold_to
    from cir.evaluation.fit_hubs import fit_hubs
    from cir.evaluation.listeners import Corrected
    from cir.index.database import InstrumentDatabase

    gallery = open_gallery(data, references)
    opened = InstrumentDatabase.open(database)
    encoder = load_encoder(model)
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
    typer.echo(f"They are known for {known}; words say elsewhere how alike a match sounds.")


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
            help="Family of them all; else what they say, or the names of folders or files.",
            show_default=False,
        ),
    ] = None,
    bank: Annotated[
        str | None,
        typer.Option(
            help="Else the name of the folder, archive or sound font.", show_default=False
        ),
    ] = None,
    author: Annotated[
        str, typer.Option(help="Else what sound fonts and presets say.", show_default=False)
    ] = "",
    licence: Annotated[str, typer.Option(help="The same.", show_default=False)] = "",
    model: ModelOption = None,
) -> None:
    """Add sounds to a database of your own; the folder is made if it is not there.

    What is there already costs nothing: the same command again goes on where Ctrl-C ended it.
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
            f"{without} of them say no family by name or folder: searches guess it from the sound, "
            "and compare what is not clear with every family. Name one (--family bass), or sort "
            "them into folders such as Bass and Pads.",
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
    from cir.library.exchange import import_archive

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
    from cir.library.exchange import export_archive

    with InstrumentDatabase.open(database) as opened, progress_bar("Exporting") as progress:
        if target.suffix.lower() == ".zip":
            export_archive(opened.path, target, progress)
        else:
            opened.export(target, progress)
        typer.echo(f"Wrote {len(opened)} instruments to {target}.")


def _note_bank_folders(named: Sequence[Path] | None, wanted: bool) -> Sequence[Path]:
    if not wanted:
        return ()
    return named or _SURGE_BANKS


def _open_note_banks(folders: Sequence[Path]) -> "list[NoteBank]":
    from cir.instruments.note_bank import NoteBank

    return [NoteBank.open(folder) for folder in folders]
