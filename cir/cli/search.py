"""`cir search`: the instruments that sound like those in a mix."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cir.audio.formats import READABLE
from cir.cli.options import (
    CsvOption,
    DatabaseOption,
    JsonOption,
    ModelOption,
    SaveOption,
    WordsOption,
    check_new,
    load_encoder,
    parse_families,
)
from cir.cli.terminal import progress_bar
from cir.instruments.families import FAMILIES

if TYPE_CHECKING:
    from rich.table import Table

    from cir.types import FamilyResult, Match

_ALL = "all"
_CONDITION = (
    "chance: the probability that a match is the very instrument in the mix, if one of that family "
    "plays and the database has it."
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
    mix: Annotated[list[Path], typer.Argument(help=f"Sound files: {READABLE}.")],
    family: SearchedOption = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", help="Matches per family.")] = 5,
    bank: Annotated[str | None, typer.Option(help="Only instruments of this bank.")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Only instruments of a source: `cir database info` lists them."),
    ] = None,
    words: WordsOption = None,
    gather: Annotated[
        bool, typer.Option("--gather", help="Leave out near-duplicates of better matches.")
    ] = False,
    database: DatabaseOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    save: SaveOption = None,
    show_timings: Annotated[
        bool, typer.Option("--timings", help="Say where the time went, on stderr.")
    ] = False,
) -> None:
    """Find the instruments that sound most like those in a mix, or in several."""
    families = parse_families(None if family and _ALL in family else family)
    from cir.audio.io import load_with_notice
    from cir.index.filters import Filters
    from cir.index.opening import open_database
    from cir.retrieval.answers import look_up_gathered, look_up_singly
    from cir.retrieval.export import rows_of_matches, save_matches, write_csv
    from cir.retrieval.retriever import Retriever, SearchTimings
    from cir.retrieval.windows import embed_windows
    from cir.types import part

    check_new(save)
    started = time.perf_counter()
    decoded = []
    for one in mix:  # a bad file is refused before the model is loaded
        decoded.append(load_with_notice(one))
        if decoded[-1].notice:
            typer.echo(f"{one.name}: {decoded[-1].notice}", err=True)
    decoding = time.perf_counter()
    encoder = load_encoder(model)
    retriever = Retriever(encoder, open_database(database))
    embedding = time.perf_counter()
    chosen = families or retriever.families()
    filters = Filters(bank=bank, source=source, text=words or "")
    look_up = look_up_gathered if gather else look_up_singly
    with progress_bar("Listening", least_seconds=2.0) as progress:
        listened = [
            embed_windows(
                one.audio,
                encoder,
                chosen,
                part(progress, place / len(mix), (place + 1) / len(mix)),
            )
            for place, one in enumerate(decoded)
        ]
    searching = time.perf_counter()
    answers = []
    for queries in listened:
        found = (look_up(retriever, name, query, top_k, filters) for name, query in queries.items())
        answers.append(
            [
                replace(result, matches=tuple(group.match for group in groups))
                for result, groups in found
            ]
        )
    ended = time.perf_counter()
    rows = rows_of_matches(
        (str(one), result.family, result.matches)
        for one, results in zip(mix, answers, strict=True)
        for result in results
    )
    if save is not None:
        files = save_matches(rows, save)
        typer.echo(f"Wrote {len(rows)} matches with {files} files to {save}.", err=True)
    if as_json:
        documents = [
            as_document(one, encoder.identity, results)
            for one, results in zip(mix, answers, strict=True)
        ]
        print(json.dumps(documents if len(documents) > 1 else documents[0], indent=2))
    elif as_csv:
        write_csv(rows, sys.stdout)
    else:
        for one, results in zip(mix, answers, strict=True):
            if len(mix) > 1:
                print(f"\n{one}")
            _print_tables(results)
    if show_timings:
        spent = SearchTimings(decoding - started, searching - embedding, ended - searching)
        for name, seconds in asdict(spent).items():
            typer.echo(f"{name.removesuffix('_seconds')}: {1000 * seconds:.1f} ms", err=True)


def as_document(mix: Path, identity: str, results: "Sequence[FamilyResult]") -> dict[str, Any]:
    """Return results as plain values for `--json`.

    `judgement` of a family is null without calibration, and `chance` of a match if it is unknown;
    `likeness` is a word for the similarity.
    """
    from cir.retrieval.answers import judgement_as_json
    from cir.retrieval.export import match_as_row

    return {
        "query": str(mix),
        "model": identity,
        "families": [
            {
                "family": result.family,
                "judgement": judgement_as_json(result.judgement),
                "matches": [match_as_row(match) for match in result.matches],
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
        where = f"1. {preset_path(first)}. {how_to_load(first)}".rstrip()
        console.print(Text(where), soft_wrap=True)  # one line for grep and the clipboard
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
