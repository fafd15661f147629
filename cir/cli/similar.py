"""`cir similar`: instruments that are like some sounds or instruments, and unlike others."""

import json
import sys
from typing import Annotated

import typer

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


def similar(
    likes: Annotated[
        list[str],
        typer.Argument(
            help="Sounds of single instruments, as files or as ids of the database. "
            "Several are a style."
        ),
    ],
    unlike: Annotated[
        list[str] | None, typer.Option(help="A sound or id that matches are not like; repeat it.")
    ] = None,
    family: Annotated[str | None, typer.Option("--family", "-f", help="Only this family.")] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="Matches.")] = 10,
    bank: Annotated[str | None, typer.Option(help="Only instruments of this bank.")] = None,
    source: Annotated[str | None, typer.Option(help="Only instruments of this source.")] = None,
    words: WordsOption = None,
    gather: Annotated[
        bool, typer.Option("--gather", help="Leave out near-duplicates of better matches.")
    ] = False,
    database: DatabaseOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    save: SaveOption = None,
) -> None:
    """Find instruments that sound like some examples, and unlike others."""
    families = parse_families([family] if family else None)
    from cir.index.filters import Filters
    from cir.index.opening import open_database
    from cir.retrieval.export import rows_of_matches, save_matches, write_csv
    from cir.retrieval.similar import embed_examples
    from cir.retrieval.similar import similar as find

    check_new(save)
    encoder = load_encoder(model)
    opened = open_database(database, encoder=encoder)
    others = unlike or []
    matches = find(
        opened,
        embed_examples(likes, encoder, opened),
        embed_examples(others, encoder, opened),
        top_k,
        families[0] if families else None,
        filters=Filters(bank=bank, source=source, text=words or ""),
        without=[*likes, *others],
        gather=gather,
    )
    rows = rows_of_matches([(" ".join(likes), family or "", matches)])
    if save is not None:
        files = save_matches(rows, save)
        typer.echo(f"Wrote {len(rows)} matches with {files} files to {save}.", err=True)
    if as_json:
        print(json.dumps(rows, indent=2))
    elif as_csv:
        write_csv(rows, sys.stdout)
    else:
        for row in rows:
            print(
                f"{row['rank']:3d}  {row['similarity']:.3f}  {row['name']}  ({row['bank']}, "
                f"{row['family'] or 'no family'})  {row['instrument_id']}"
            )
