"""`cir search`: the instruments that sound like those in a mix."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cir.audio.formats import READABLE
from cir.cli.options import (
    DatabaseOption,
    FamilyOption,
    JsonOption,
    ModelOption,
    load_encoder,
    parse_families,
)
from cir.cli.terminal import progress_bar

if TYPE_CHECKING:
    from rich.table import Table

    from cir.retrieval import SearchTimings
    from cir.types import FamilyResult


def search(
    mix: Annotated[Path, typer.Argument(help=f"A sound file: {READABLE}.")],
    family: FamilyOption = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help="Matches per family.")] = 5,
    bank: Annotated[str | None, typer.Option(help="Only instruments of this bank.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Only instruments of this source: surge, soundfont, samples.")
    ] = None,
    database: DatabaseOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    show_timings: Annotated[
        bool, typer.Option("--timings", help="Say where the time went, on stderr.")
    ] = False,
) -> None:
    """Find the instruments that sound most like those in a mix."""
    families = parse_families(family)
    from cir.audio.io import load_with_notice
    from cir.index.database import InstrumentDatabase
    from cir.retrieval import DEFAULT_FAMILIES, Retriever

    notice = load_with_notice(mix).notice  # a bad file is refused before the model is loaded
    if notice:
        typer.echo(f"{mix.name}: {notice}", err=True)
    encoder = load_encoder(model)
    timings: list[SearchTimings] = []
    with InstrumentDatabase.open(database, encoder=encoder) as opened:
        with progress_bar("Building the search index", least_seconds=2.0) as progress:
            opened.prepare(progress)
        with progress_bar("Listening", least_seconds=2.0) as progress:
            results = Retriever(encoder, opened).search(
                mix,
                families=families or DEFAULT_FAMILIES,
                top_k=top_k,
                bank=bank,
                source=source,
                progress=progress,
                on_timings=timings.append,
            )
    if as_json:
        print(json.dumps(as_document(mix, encoder.identity, results), indent=2))
    else:
        _print_tables(results)
    if show_timings:
        for name, seconds in asdict(timings[0]).items():
            typer.echo(f"{name.removesuffix('_seconds')}: {1000 * seconds:.1f} ms", err=True)


def as_document(mix: Path, identity: str, results: "Sequence[FamilyResult]") -> dict[str, Any]:
    """Lay out results for `--json`.

    `chance` (of a match) and `judgement` (of a family) are null without calibration.
    """
    from cir.ui.judgements import chance_as_json, judgement_as_json

    return {
        "query": str(mix),
        "model": identity,
        "families": [
            {
                "family": result.family,
                "judgement": judgement_as_json(result.judgement),
                "matches": [
                    {
                        "rank": match.rank,
                        "similarity": round(match.similarity, 6),
                        "chance": chance_as_json(match.chance),
                        **asdict(match.instrument),
                        "preview": None if match.preview is None else str(match.preview),
                    }
                    for match in result.matches
                ],
            }
            for result in results
        ],
    }


def _print_tables(results: "Sequence[FamilyResult]") -> None:
    from rich.console import Console
    from rich.text import Text

    from cir.instruments.families import family_label
    from cir.ui.judgements import ABSENT, among_five, false_alarms, percent

    console = Console()
    for result in results:
        title = family_label(result.family)
        if not result.matches:
            console.print(Text(f"{title}: the database has no such instrument."))
            continue
        console.print(_table(title, result))
        judgement = result.judgement
        if judgement is not None and judgement.is_absent:
            console.print(Text(f"{ABSENT} {false_alarms(judgement)}"))
        words = among_five(result)
        if judgement is not None and words:
            console.print(Text(f"{words}: {percent(judgement.top_5)}"))


def _table(title: str, result: "FamilyResult") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from cir.ui.judgements import percent

    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("#", justify="right")
    if result.judgement is not None:
        table.add_column("chance", justify="right")
    table.add_column("similarity", justify="right")
    for heading in ("name", "bank", "category", "author"):
        table.add_column(heading, overflow="fold")
    for match in result.matches:
        row = match.instrument
        scores = [f"{match.similarity:.3f}"]
        if result.judgement is not None:
            scores.insert(0, "-" if match.chance is None else percent(match.chance))
        # Text, not str: names hold brackets, which rich would read as mark-up.
        cells = (row.name, row.bank, row.category, row.author)
        table.add_row(str(match.rank), *scores, *map(Text, cells))
    return table
