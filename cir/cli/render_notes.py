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
            "a folder: vital:, surge:, dx7:, zyn:, amsynth: or sfz:FOLDER."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder of the note bank; train with --data bank:FOLDER."
        ),
    ],
    seed: Annotated[int, typer.Option(help="Seed of presets, notes and splits.", min=0)] = 0,
) -> None:
    """Render the notes of instruments into a note bank, for training.

    After an interruption, the same command goes on.
    """
    from cir.datasets.note_bank_writer import write_note_bank
    from cir.datasets.registry import open_dataset
    from cir.instruments.splits import SPLITS

    dataset = open_dataset(source, seed=seed)
    with progress_bar("Rendering") as progress:
        count = write_note_bank(dataset, output, splits=SPLITS, progress=progress)
    typer.echo(f"{output} holds the notes of {count} instruments.")
