"""What commands that add to a database share, and the account that they give."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cir.cli.terminal import progress_bar

if TYPE_CHECKING:
    from cir.library.sounds import AddReport
    from cir.types import Encoder

_SHOWN_REASONS = 20


def print_report(report: "AddReport", database: Path | str) -> None:
    """Print what was added to a folder or server, changed, kept, removed and left out, and why."""
    for what, reasons in (("left out: ", report.refused), ("", report.notices)):
        for reason in reasons[:_SHOWN_REASONS]:
            typer.echo(f"{what}{reason}", err=True)
        if len(reasons) > _SHOWN_REASONS:
            typer.echo(f"and {len(reasons) - _SHOWN_REASONS:,} more", err=True)
    added, left_out = len(report.added) - report.replaced, len(report.refused)
    counts = (
        (report.replaced, "changed"),
        (report.moved, "moved"),
        (report.unchanged, "were there already"),
        (report.removed, "removed"),
        (left_out, "left out"),
    )
    said = "".join(f"; {count:,} {what}" for count, what in counts if count)
    typer.echo(f"Added {added:,} instruments to {database}{said}.")
    if report.missing:
        one = report.missing == 1
        typer.echo(
            f"{report.missing:,} {'instrument stays' if one else 'instruments stay'} although "
            f"{'its file has' if one else 'their files have'} gone; --remove-missing takes "
            f"{'it' if one else 'them'} out.",
            err=True,
        )
    without = sum(instrument.family is None for instrument in report.added)
    if without:
        typer.echo(
            f"{without:,} of them have no family in their name or folder: searches guess it from "
            "the sound. Name one (--family bass), or sort them into folders such as Bass and Pads.",
            err=True,
        )


def bring(database: Path, encoder: "Encoder", source: Path) -> None:
    """Add all instruments of another database, and say how many there were."""
    from cir.library.database_archive import import_archive
    from cir.library.find_files import Limits

    with progress_bar("Importing") as progress:
        report = import_archive(
            database, encoder, source, limits=Limits(sounds=10**9, total=10**9), progress=progress
        )
    replaced = f", and replaced {report.replaced:,}" if report.replaced else ""
    typer.echo(f"Added {report.added:,} instruments to {database}{replaced}.")
