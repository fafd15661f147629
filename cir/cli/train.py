"""`cir train`: a configuration becomes a model."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="YAML file, such as configs/cir-tiny.yaml.")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            help="Sources instead of the configuration's: bank:FOLDER, nsynth:FOLDER, "
            "soundfont:FILE, vital:FOLDER, surge:FOLDER or generated:COUNT; may be repeated.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Instead of the configuration's.", min=0, show_default=False),
    ] = None,
    override: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            help="YAML file whose keys take the place of the configuration's, such as "
            "configs/budgets/small.yaml; may be repeated.",
            show_default=False,
        ),
    ] = None,
    initial: Annotated[
        str | None,
        typer.Option(
            help="Run or model to start from, instead of the configuration's.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Run folder; by default runs/NAME after the configuration's file, or "
            "runs/NAME-OTHER with another.",
            show_default=False,
        ),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave a GPU alone.")] = False,
) -> None:
    """Train a model, or go on with an interrupted run.

    Ctrl-C saves and stops; the same command resumes. For several processes:
    `torchrun --nproc_per_node 2 -m cir train CONFIG`.
    """
    from cir.config import load_config
    from cir.training.config import TrainingConfig
    from cir.training.loop import train as run

    overrides = override or []
    loaded = load_config(config, TrainingConfig, overrides)
    if data:
        loaded = replace(loaded, data=tuple(data), data_weights=())
    if seed is not None:
        loaded = replace(loaded, seed=seed)
    if initial is not None:
        loaded = replace(loaded, initial=initial)
    folder = output or Path("runs") / "-".join(one.stem for one in (config, *overrides))
    best = run(loaded, folder, cpu=cpu)
    if best.exists():
        print(f"Best model by validation: {best}")
    else:
        print(f"Stopped before the first validation; the same command goes on in {folder}")
