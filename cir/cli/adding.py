"""The account of what was added to a database."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cir.library.sounds import AddReport

_SHOWN_REASONS = 20


def print_report(report: "AddReport", database: Path) -> None:
    """Print what was added, changed, kept, removed and left out, and why."""
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
        typer.echo(
            f"{report.missing:,} instruments stay although their files have gone; "
            "--remove-missing takes them out.",
            err=True,
        )
    without = sum(instrument.family is None for instrument in report.added)
    if without:
        typer.echo(
            f"{without:,} of them have no family in their name or folder: searches guess it from "
            "the sound. Name one (--family bass), or sort them into folders such as Bass and Pads.",
            err=True,
        )
