"""`cir evaluate`: how often a model finds the right instrument, beside a baseline and chance."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cir.cli.options import FamilyOption, JsonOption, ModelOption, load_encoder, parse_families
from cir.cli.terminal import progress_bar
from cir.errors import InputError

if TYPE_CHECKING:
    from cir.instruments.note_bank import NoteBank
    from cir.types import Encoder

_SUFFIXES = (".json", ".md")


class Protocol(StrEnum):
    """The experiments of the paper."""

    MIXTURES = "mixtures"
    SINGLE = "single"


class Baseline(StrEnum):
    """Methods without training."""

    MFCC = "mfcc"


def evaluate(
    protocol: Annotated[
        Protocol,
        typer.Argument(help="What is searched with: mixes of instruments, or single notes."),
    ],
    data: Annotated[
        Path,
        typer.Option(help="Folder of a note bank: instruments.csv, notes.csv and notes/."),
    ],
    model: ModelOption = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Measure the baselines alone.")
    ] = False,
    baseline: Annotated[
        list[Baseline] | None,
        typer.Option(help="Measure this too, on the same queries.", show_default=False),
    ] = None,
    mixtures: Annotated[int, typer.Option(min=1, help="How many mixes to draw.")] = 500,
    family: FamilyOption = None,
    split: Annotated[
        str, typer.Option(help="Whose instruments to search for: train, valid or test.")
    ] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Of the mixes and the intervals.")] = 0,
    as_json: JsonOption = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Also write the figures here: .json or .md."),
    ] = None,
) -> None:
    """Measure how often the right instrument is found among all references of a note bank."""
    families = parse_families(family)
    if families is not None and protocol is Protocol.SINGLE:
        raise InputError("--family is of use with mixtures only; single notes face all references.")
    if no_model and (model is not None or not baseline):
        raise InputError("--no-model needs a --baseline to measure instead, and no --model.")
    _check_output(output)
    from cir.evaluation.protocols import (
        evaluate_mixtures,
        evaluate_single_source,
        mixture_candidates,
    )
    from cir.evaluation.report import to_json, to_markdown
    from cir.files import replacing
    from cir.instruments.note_bank import NoteBank
    from cir.instruments.splits import check_split
    from cir.mixtures.config import PAPER_FAMILIES

    check_split(split)
    bank = NoteBank.open(data)
    chosen = families or PAPER_FAMILIES
    candidates = (
        mixture_candidates(bank, chosen) if protocol is Protocol.MIXTURES else bank.instruments
    )

    def measure(name: str, encoder: "Encoder") -> dict[str, Any]:
        with progress_bar("Evaluating", least_seconds=2.0) as progress:
            if protocol is Protocol.SINGLE:
                return {"name": name} | evaluate_single_source(
                    encoder, bank, split=split, seed=seed, progress=progress
                )
            return {"name": name} | evaluate_mixtures(
                encoder,
                bank,
                n_mixtures=mixtures,
                seed=seed,
                families=chosen,
                split=split,
                progress=progress,
            )

    results = [] if no_model else [measure(model or "cir", load_encoder(model))]
    if baseline:
        mfcc = _fit_mfcc(bank, [row.instrument_id for row in candidates])
        results.append(measure("MFCC mean+std", mfcc))
    if output is not None:
        text = to_json(results) if output.suffix.lower() == ".json" else to_markdown(results)
        with replacing(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    typer.echo(to_json(results) if as_json else to_markdown(results))


def _fit_mfcc(bank: "NoteBank", instrument_ids: list[str]) -> "Encoder":
    from cir.baselines.mfcc import MfccEncoder
    from cir.evaluation.protocols import reference_sounds
    from cir.instruments.note_bank import SAMPLE_RATE

    with progress_bar("Fitting MFCC", least_seconds=2.0) as progress:
        sounds = reference_sounds(bank, instrument_ids, progress=progress)
        return MfccEncoder.fit(sounds, SAMPLE_RATE)


def _check_output(output: Path | None) -> None:
    """Refuse an output path before the work is done, not after."""
    if output is None:
        return
    if output.suffix.lower() not in _SUFFIXES:
        raise InputError(f"The output must end in {' or '.join(_SUFFIXES)}, not {output.name!r}.")
    if output.is_dir():
        raise InputError(f"{output} is a folder; name a file in it.")
