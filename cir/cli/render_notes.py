"""`cir render-notes`: write the notes of any source as a note bank."""

from pathlib import Path
from typing import Annotated

import typer

from cir.cli.terminal import progress_bar


def render_notes(
    source: Annotated[
        str,
        typer.Argument(
            help="generated:COUNT, nsynth:FOLDER, soundfont:FILE, plugin:PATH[?presets=FOLDER], or "
            "presets: vital:, surge:, dx7:, zyn:, amsynth: or sfz:PLACE, a file or a folder, or "
            "several separated by commas."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder of the note bank; train with --data bank:FOLDER."
        ),
    ],
    notes: Annotated[
        int | None,
        typer.Option(help="Most notes of an instrument, for presets; 12 by default.", min=1),
    ] = None,
    instruments: Annotated[
        int | None,
        typer.Option(help="Draw this many instruments at random; all by default.", min=1),
    ] = None,
    nearest_db: Annotated[
        float,
        typer.Option(
            help="Leave out an instrument whose reference note is nearer than this to an earlier "
            "one's; 0 keeps all.",
            min=0.0,
        ),
    ] = 2.0,
    licence: Annotated[
        str, typer.Option(help="Licence of presets that do not name their own.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of presets, notes and splits.", min=0)] = 0,
) -> None:
    """Render the notes of instruments into a note bank, for training.

    Silent instruments and near-duplicates are left out; left_out.csv names them. After an
    interruption, the same command goes on.
    """
    from cir.datasets.note_bank_writer import write_note_bank
    from cir.datasets.registry import open_dataset
    from cir.instruments.splits import SPLITS

    dataset = open_dataset(source, seed=seed, n_notes=notes)
    with progress_bar("Rendering") as progress:
        count = write_note_bank(
            dataset,
            output,
            splits=SPLITS,
            most=instruments,
            nearest_db=nearest_db,
            seed=seed,
            licence=licence,
            progress=progress,
        )
    typer.echo(f"{output} holds the notes of {count} instruments.")
