"""`cir midi-stats`: statistics of the notes of each family in a folder of songs."""

from pathlib import Path
from typing import Annotated

import typer

from cir.cli.options import check_output
from cir.cli.terminal import progress_bar


def midi_stats(
    folder: Annotated[
        Path, typer.Argument(help="Folder of MIDI files, searched with its subfolders.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .json file to write.")],
) -> None:
    """Estimate pitches, velocities and durations of each family from MIDI files.

    Training notes are drawn from them. Broken files are skipped.
    """
    check_output(output, ".json")
    from cir.datasets.midi_statistics import estimate_statistics

    with progress_bar("Reading MIDI") as progress:
        statistics = estimate_statistics(folder, progress=progress)
    statistics.save(output)
    skipped = f", {statistics.n_skipped} skipped as broken" if statistics.n_skipped else ""
    typer.echo(f"Wrote {output} from {statistics.n_files} files{skipped}.")
    for family, counts in statistics.families.items():
        typer.echo(f"{family:14} {counts.n_notes:8} notes")
