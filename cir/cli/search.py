"""`cir search`: the instruments that sound like those in a mix."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cir.audio.formats import READABLE
from cir.cli.options import DatabaseOption, JsonOption, ModelOption, load_encoder, parse_families
from cir.cli.terminal import progress_bar
from cir.instruments.families import FAMILIES

if TYPE_CHECKING:
    from rich.table import Table

    from cir.retrieval.retriever import SearchTimings
    from cir.types import FamilyResult, Match

_ALL = "all"
_CONDITION = (
    "chance: how likely it is this very instrument, if one of that family plays and the database "
    "has it."
)

SearchedOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        "-f",
        help=f"Family to look for: {', '.join(FAMILIES)}. Repeat it, or separate several by "
        "commas. All that the database has by default, or with `all`.",
    ),
]


def search(
    mix: Annotated[Path, typer.Argument(help=f"A sound file: {READABLE}.")],
    family: SearchedOption = None,
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
    families = parse_families(None if family and _ALL in family else family)
    from cir.audio.io import load_with_notice
    from cir.index.database import InstrumentDatabase
    from cir.retrieval.retriever import Retriever

    started = time.perf_counter()
    decoded = load_with_notice(mix)  # a bad file is refused before the model is loaded
    decode_seconds = time.perf_counter() - started
    if decoded.notice:
        typer.echo(f"{mix.name}: {decoded.notice}", err=True)
    encoder = load_encoder(model)
    retriever = Retriever(encoder, InstrumentDatabase.open(database))
    timings: list[SearchTimings] = []
    with progress_bar("Listening", least_seconds=2.0) as progress:
        results = retriever.search(
            decoded.audio,
            families=families or retriever.families(),
            top_k=top_k,
            sample_rate=decoded.sample_rate,
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
        spent = replace(timings[0], decode_seconds=decode_seconds + timings[0].decode_seconds)
        for name, seconds in asdict(spent).items():
            typer.echo(f"{name.removesuffix('_seconds')}: {1000 * seconds:.1f} ms", err=True)


def as_document(mix: Path, identity: str, results: "Sequence[FamilyResult]") -> dict[str, Any]:
    """Return results as plain values for `--json`.

    `judgement` of a family is null without calibration, and `chance` of a match if it is unknown;
    `likeness` is a word for the similarity.
    """
    from cir.instruments.preset_path import how_to_load, preset_path
    from cir.retrieval.answers import chance_as_json, judgement_as_json

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
                        "likeness": match.likeness,
                        "guessed_family": match.guessed_family,
                        **asdict(match.instrument),
                        "path": preset_path(match.instrument),
                        "how_to_load": how_to_load(match.instrument),
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
    from cir.instruments.preset_path import how_to_load, preset_path
    from cir.retrieval.answers import ABSENT, among_five, false_alarms

    console = Console()
    for result in results:
        title = family_label(result.family)
        if not result.matches:
            console.print(Text(f"{title}: the database has no such instrument."))
            continue
        console.print(_table(title, result))
        first = result.matches[0].instrument
        console.print(Text(f"1. {preset_path(first)}. {how_to_load(first)}".rstrip()))
        judgement = result.judgement
        if judgement is not None and judgement.is_absent:
            console.print(Text(f"{ABSENT} {false_alarms(judgement)}"))
        if words := among_five(result):
            console.print(Text(words))
    if any(result.judgement and result.judgement.chances for result in results):
        console.print(Text(_CONDITION))


def _table(title: str, result: "FamilyResult") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from cir.retrieval.answers import percent

    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("#", justify="right")
    has_chances = result.judgement is not None and result.judgement.chances
    table.add_column("chance" if has_chances else "sounds", justify="right")
    table.add_column("similarity", justify="right")
    for heading in ("name", "bank", "category", "author"):
        table.add_column(heading, overflow="fold")
    for match in result.matches:
        row = match.instrument
        worth = match.likeness if match.chance is None else percent(match.chance)
        # Text, not str: names hold brackets, which rich would read as mark-up.
        name = f"{row.name} {_unsorted(match)}".rstrip()
        cells = (name, row.bank, row.category, row.author)
        table.add_row(str(match.rank), worth, f"{match.similarity:.3f}", *map(Text, cells))
    return table


def _unsorted(match: "Match") -> str:
    """Return a remark if the family was guessed or is unknown, else an empty text."""
    if match.instrument.family is not None:
        return ""
    return "(family guessed)" if match.guessed_family else "(of no family)"
