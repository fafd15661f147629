"""`cir train`: a configuration becomes a model."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="YAML file, such as configs/starter-pairs.yaml.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of a note bank.")] = Path(
        "../shared/surge"
    ),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Run folder; runs/NAME by default, after the configuration's file.",
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

    loaded = load_config(config, TrainingConfig)
    folder = output or Path("runs") / config.stem
    best = run(loaded, data, folder, cpu=cpu)
    print(f"Best model by validation: {best}")
