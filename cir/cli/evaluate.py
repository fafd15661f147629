"""`cir evaluate`: how often methods find the right instrument, the paper's way and further."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cir.cli.options import (
    FamilyOption,
    JsonOption,
    ModelOption,
    load_encoder,
    parse_families,
)
from cir.cli.terminal import progress_bar
from cir.errors import CirError, InputError

if TYPE_CHECKING:
    from cir.evaluation.gallery import Gallery
    from cir.evaluation.listeners import Method
    from cir.evaluation.mixture_stream import MixtureSet
    from cir.evaluation.rows import Row

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
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Whose instruments: a note bank's folder, or bank:FOLDER, nsynth:FOLDER, "
            "soundfont:FILE, vital:FOLDER; may be repeated.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Measure the baselines alone.")
    ] = False,
    baseline: Annotated[
        list[Baseline] | None,
        typer.Option(help="Measure this too, on the same queries.", show_default=False),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with the methods to compare, instead of --model and --baseline: "
            "benchmarks/tables.yaml has all rows of the paper's tables.",
            show_default=False,
        ),
    ] = None,
    mixtures: Annotated[int, typer.Option(min=1, help="How many mixes to draw.")] = 500,
    family: FamilyOption = None,
    split: Annotated[
        str, typer.Option(help="Whose instruments to search for: train, valid, test or all.")
    ] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Of the mixes and the intervals.")] = 0,
    as_json: JsonOption = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Also write the figures here: .json or .md."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Also write a page of them into this folder: report.md, report.html, figures.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure how often the right instrument is found among all references of some data."""
    if not data:
        raise InputError("Nothing to evaluate on: name a note bank or other data with --data.")
    families = parse_families(family)
    if families is not None and protocol is Protocol.SINGLE:
        raise InputError("--family is of use with mixtures only; single notes face all references.")
    if no_model and (model is not None or not baseline):
        raise InputError("--no-model needs a --baseline to measure instead, and no --model.")
    if rows is not None and (model is not None or no_model or baseline):
        raise InputError("--rows names all methods itself; leave out --model and --baseline.")
    if no_model and protocol not in _TABLES:
        raise InputError(f"--no-model is for {' and '.join(_TABLES)}; {protocol} needs a model.")
    _check_output(output, report)
    from cir.datasets.registry import open_dataset
    from cir.evaluation.gallery import Gallery, check_gallery_split
    from cir.evaluation.mixture_stream import MixtureSet
    from cir.evaluation.report import to_json, to_markdown
    from cir.evaluation.rows import load_rows
    from cir.files import replacing
    from cir.mixtures.config import PAPER_FAMILIES

    check_gallery_split(split)
    tables = None if rows is None else load_rows(rows)
    gallery = Gallery([open_dataset(one if ":" in one else f"bank:{one}") for one in data])
    mixture_set = MixtureSet(mixtures, seed, split, tuple(families or PAPER_FAMILIES))
    results: list[dict[str, Any]] = []
    for table in _TABLES:
        if protocol in (table, Protocol.ALL):
            chosen = (
                _chosen_rows(model, no_model, baseline or [])
                if tables is None
                else tables.get(table.value, ())
            )
            results += _measure_table(table, chosen, gallery, mixture_set)
    if protocol in (Protocol.CONDITIONS, Protocol.ALL):
        results.append(_measure_conditions(model, gallery, mixture_set))
    if protocol in (Protocol.OPEN_SET, Protocol.ALL):
        results.append(_measure_open_set(model, gallery, mixture_set))
    if output is not None:
        text = to_json(results) if output.suffix.lower() == ".json" else to_markdown(results)
        with replacing(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if report is not None:
        _write_report(report, results, model, gallery)
    typer.echo(to_json(results) if as_json else to_markdown(results))


def _chosen_rows(
    model: str | None, no_model: bool, baselines: Sequence[Baseline]
) -> tuple["Row", ...]:
    from cir.evaluation.rows import Row

    rows = () if no_model else (Row(model or "cir", "model", model),)
    return rows + tuple(Row(_BASELINES[one.value], one.value) for one in baselines)


def _measure_table(
    protocol: Protocol, rows: Sequence["Row"], gallery: "Gallery", mixture_set: "MixtureSet"
) -> list[dict[str, Any]]:
    """One result for each row, in their order; a row that cannot be made says why."""
    from cir.evaluation.mixtures import evaluate_mixtures
    from cir.evaluation.rows import build_method
    from cir.evaluation.single import evaluate_single_source

    families = mixture_set.families if protocol is Protocol.MIXTURES else None
    methods: dict[str, Method] = {}
    results: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.name in results or row.name in methods:
            raise InputError(f"Two rows are called {row.name!r}; give each a name of its own.")
        try:
            with progress_bar(f"Preparing {row.name}", least_seconds=2.0) as progress:
                methods[row.name] = build_method(row, gallery, families, progress)
        except CirError as error:
            if len(rows) == 1:
                raise
            made = f" Made by: {row.made_by}" if row.made_by else ""
            results[row.name] = {
                "protocol": protocol.value,
                "name": row.name,
                "missing": f"{error}{made}",
            }
    if not methods:
        raise InputError("None of the rows can be measured; train their models first.")
    with progress_bar("Evaluating", least_seconds=2.0) as progress:
        measured = (
            evaluate_single_source(
                methods,
                gallery,
                split=mixture_set.split,
                seed=mixture_set.seed,
                progress=progress,
            )
            if protocol is Protocol.SINGLE
            else evaluate_mixtures(methods, gallery, mixture_set, progress=progress)
        )
    results |= {result["name"]: result for result in measured}
    return [results[row.name] | row.labels() for row in rows]


def _measure_conditions(
    model: str | None, gallery: "Gallery", mixture_set: "MixtureSet"
) -> dict[str, Any]:
    from cir.evaluation.conditions import evaluate_conditions

    encoder = load_encoder(model)
    with progress_bar("Conditions", least_seconds=2.0) as progress:
        return {"name": model or "cir"} | evaluate_conditions(
            encoder, gallery, mixture_set, progress=progress
        )


def _measure_open_set(
    model: str | None, gallery: "Gallery", mixture_set: "MixtureSet"
) -> dict[str, Any]:
    from cir.evaluation.open_set import evaluate_open_set

    encoder = load_encoder(model)
    with progress_bar("Open set", least_seconds=2.0) as progress:
        return {"name": model or "cir"} | evaluate_open_set(
            encoder, gallery, mixture_set, progress=progress
        )


def _check_output(output: Path | None, report: Path | None) -> None:
    """Refuse an output path before the work is done, not after."""
    if report is not None and report.is_file():
        raise InputError(f"{report} is a file; name a folder for the report.")
    if output is None:
        return
    if output.suffix.lower() not in _SUFFIXES:
        raise InputError(f"The output must end in {' or '.join(_SUFFIXES)}, not {output.name!r}.")
    if output.is_dir():
        raise InputError(f"{output} is a folder; name a file in it.")
