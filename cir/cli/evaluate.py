"""`cir evaluate`: the experiments of the paper and those beyond it."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cir.cli.options import (
    DataOption,
    FamilyOption,
    JsonOption,
    ModelOption,
    check_output,
    load_torch_encoder,
    open_gallery,
    parse_families,
)
from cir.cli.terminal import progress_bar
from cir.errors import InputError

if TYPE_CHECKING:
    from cir.evaluation.gallery import Gallery
    from cir.evaluation.mixture_stream import MixtureSet
    from cir.evaluation.report.maps import MapFigure
    from cir.evaluation.rows import Row
    from cir.model.encoder import TimbreEncoder

_SUFFIXES = (".json", ".md")
_BASELINES = {"mfcc": "MFCC mean+std", "timbre-toolbox": "Timbre Toolbox"}


class Protocol(StrEnum):
    """The experiments of the paper, and those beyond it."""

    SINGLE = "single"
    MIXTURES = "mixtures"
    CONDITIONS = "conditions"
    OPEN_SET = "open-set"
    ALL = "all"


class Baseline(StrEnum):
    """Methods without training."""

    MFCC = "mfcc"
    TIMBRE_TOOLBOX = "timbre-toolbox"


_TABLES = (Protocol.SINGLE, Protocol.MIXTURES)


def evaluate(
    protocol: Annotated[
        Protocol,
        typer.Argument(
            help="Single notes and mixtures (the paper's two tables), mixtures under other "
            "conditions, instruments that are not in the database, or all of it."
        ),
    ] = Protocol.ALL,
    data: DataOption = None,
    model: ModelOption = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Measure the baselines alone.")
    ] = False,
    baseline: Annotated[
        list[Baseline] | None, typer.Option(help="A baseline to measure on the same queries.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with the methods to compare, instead of --model and --baseline: "
            "benchmarks/tables.yaml has all rows of the paper's tables."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure only the row of --rows with this name; may be repeated. Other rows of an "
            "existing output file are kept."
        ),
    ] = None,
    mixtures: Annotated[int, typer.Option(min=1, help="Number of mixtures.")] = 500,
    family: FamilyOption = None,
    split: Annotated[
        str, typer.Option(help="Split of the instruments: train, valid, test or all.")
    ] = "test",
    references: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of reference notes of an instrument (1 as in the paper). If more than 1, "
            "mixtures play only the other notes.",
        ),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of mixtures and intervals.")] = 0,
    as_json: JsonOption = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Also write the figures here: .json or .md."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Also write a report into this folder: report.md, its figures, results.json.",
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            help="Also write the model's figures into this model card, as its model-index."
        ),
    ] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option(
            "--results", help="Measure nothing, and read these .json files of -o; may be repeated."
        ),
    ] = None,
) -> None:
    """Measure how often the right instrument is found among all references of some data."""
    families = parse_families(family)
    if families is not None and protocol is Protocol.SINGLE:
        raise InputError("--family needs mixtures; single notes are searched in all families.")
    if no_model and (model is not None or not baseline):
        raise InputError("--no-model needs a --baseline to measure instead, and no --model.")
    if rows is not None and (model is not None or no_model or baseline):
        raise InputError("--rows names all methods itself; leave out --model and --baseline.")
    if only and rows is None:
        raise InputError("--only chooses among the rows of --rows; name that file, too.")
    if no_model and protocol not in _TABLES:
        raise InputError(f"--no-model is for {' and '.join(_TABLES)}; {protocol} needs a model.")
    if output is not None:
        check_output(output, *_SUFFIXES)
    _check_extras(report, card)
    from cir.evaluation.report.documents import replace_results, to_json
    from cir.evaluation.report.sections import to_markdown
    from cir.files import replacing

    gallery = open_gallery(data, references) if data or not results else None
    if results or gallery is None:
        found = _read_results(results or [])
    else:
        from cir.evaluation.gallery import check_gallery_split
        from cir.evaluation.mixture_stream import MixtureSet
        from cir.evaluation.rows import load_rows
        from cir.mixtures.mixture_config import PAPER_FAMILIES

        check_gallery_split(split)
        chosen = _chosen_rows(model, no_model, baseline or [])
        tables = {one.value: chosen for one in _TABLES} if rows is None else load_rows(rows)
        wanted = tables if only is None else _choose_rows(tables, protocol, only)
        mixture_set = MixtureSet(mixtures, seed, split, tuple(families or PAPER_FAMILIES))
        found = _measure(protocol, wanted, model, gallery, mixture_set)
        if only and output is not None and output.suffix.lower() == ".json" and output.exists():
            order = [(table, row.name) for table, one in tables.items() for row in one]
            found = replace_results(_read_results([output]), found, order)
    if output is not None:
        text = to_json(found) if output.suffix.lower() == ".json" else to_markdown(found)
        with replacing(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if report is not None:
        _write_report(report, found, model, gallery)
    if card is not None:
        _update_card(card, found, model)
    typer.echo(to_json(found) if as_json else to_markdown(found))


def _choose_rows(
    tables: Mapping[str, Sequence["Row"]], protocol: Protocol, names: Sequence[str]
) -> dict[str, tuple["Row", ...]]:
    """Return the rows of these names, in the order of the tables.

    Raises:
        InputError: The protocol's tables have no row of a name.
    """
    measured = {name: rows for name, rows in tables.items() if protocol in (name, Protocol.ALL)}
    known = {row.name for rows in measured.values() for row in rows}
    for name in names:
        if name not in known:
            raise InputError(
                f"There is no row {name!r} for {protocol}; --rows has {sorted(known)}."
            )
    chosen = {
        table: tuple(row for row in rows if row.name in names) for table, rows in measured.items()
    }
    return {table: rows for table, rows in chosen.items() if rows}


def _read_results(paths: Sequence[Path]) -> list[dict[str, Any]]:
    from cir.evaluation.report.documents import from_json

    results = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"Cannot read the results in {path}: {error}.") from None
        results += from_json(text)
    return results


def _measure(
    protocol: Protocol,
    tables: Mapping[str, Sequence["Row"]],
    model: str | None,
    gallery: "Gallery",
    mixture_set: "MixtureSet",
) -> list[dict[str, Any]]:
    """Run the chosen experiments, in the order of the report."""
    from cir.evaluation.conditions import evaluate_conditions
    from cir.evaluation.open_set import evaluate_open_set
    from cir.evaluation.tables import evaluate_rows

    results: list[dict[str, Any]] = []
    for table in _TABLES:
        if table is protocol or (protocol is Protocol.ALL and table.value in tables):
            with progress_bar("Evaluating", least_seconds=2.0) as progress:
                results += evaluate_rows(
                    table.value,
                    tables.get(table.value, ()),
                    gallery,
                    mixture_set,
                    progress=progress,
                )
    for further, words, experiment in (
        (Protocol.CONDITIONS, "Conditions", evaluate_conditions),
        (Protocol.OPEN_SET, "Open set", evaluate_open_set),
    ):
        if protocol in (further, Protocol.ALL):
            with progress_bar(words, least_seconds=2.0) as progress:
                encoder = load_torch_encoder(model)
                measured = experiment(encoder, gallery, mixture_set, progress=progress)
            results.append({"name": model or "cir"} | measured)
    return results


def _chosen_rows(
    model: str | None, no_model: bool, baselines: Sequence[Baseline]
) -> tuple["Row", ...]:
    from cir.evaluation.rows import Row

    rows = () if no_model else (Row(model or "cir", "model", model),)
    return rows + tuple(Row(_BASELINES[one.value], one.value) for one in baselines)


def _write_report(
    folder: Path, results: Sequence[dict[str, Any]], model: str | None, gallery: "Gallery | None"
) -> None:
    from cir.evaluation.report.maps import MapFigure
    from cir.evaluation.report.page import write_report

    maps: list[MapFigure] = []
    if gallery is not None:
        maps.append(_draw_map(load_torch_encoder(model), model or "cir", gallery))
    with progress_bar("Writing the report", least_seconds=2.0) as progress:
        page = write_report(
            folder,
            results,
            maps=maps,
            commands=[shlex.join(["cir", *sys.argv[1:]])],
            progress=progress,
        )
    typer.echo(f"Wrote {page}.", err=True)


def _draw_map(encoder: "TimbreEncoder", name: str, gallery: "Gallery") -> "MapFigure":
    import numpy as np

    from cir.evaluation.mixture_stream import embed_references, timed
    from cir.evaluation.report.maps import embedding_map

    with progress_bar("Drawing the map", least_seconds=2.0) as progress:
        everybody = np.arange(len(gallery))
        references = embed_references(timed({name: encoder}), gallery, everybody, progress)
        return embedding_map(
            references.embeddings[name],
            [gallery.entries[row].family for row in references.rows],
            title=f"Reference notes of {', '.join(gallery.sources)}, embedded by {name}",
        )


def _update_card(card: Path, results: Sequence[dict[str, Any]], model: str | None) -> None:
    from cir.evaluation.report.model_index import update_card
    from cir.files import replacing

    text = update_card(
        card.read_text(encoding="utf-8"), results, encoder=load_torch_encoder(model).identity
    )
    with replacing(card) as temporary:
        temporary.write_text(text, encoding="utf-8")
    typer.echo(f"Put the figures into {card}.", err=True)


def _check_extras(report: Path | None, card: Path | None) -> None:
    """Check report and card before the work."""
    if report is not None:
        from cir.evaluation.report.page import check_report_folder

        check_report_folder(report)
    if card is not None and not card.is_file():
        raise InputError(f"There is no model card {card}; name the README.md of a model.")
