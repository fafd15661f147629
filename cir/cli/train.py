"""`cir train`: train a model from a configuration."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from cir.training.recipe import RecipeConfig
    from cir.training.run_config import TrainingConfig

_Config = TypeVar("_Config", "TrainingConfig", "RecipeConfig")


def train(
    config: Annotated[
        Path, typer.Argument(help="YAML file, or one that comes with cir: cir-tiny, cir-small, ...")
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            help="Sources instead of the configuration's: bank:FOLDER, nsynth:FOLDER, "
            "soundfont:FILE, vital:FOLDER, surge:FOLDER or generated:COUNT; may be repeated.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the configuration's.", min=0)] = None,
    override: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            help="YAML file whose keys take the place of the configuration's, such as "
            "budgets/small; may be repeated.",
        ),
    ] = None,
    initial: Annotated[
        str | None, typer.Option(help="Run or model to start from, instead of the configuration's.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Run folder; by default runs/NAME after the configuration's file, or "
            "runs/NAME-OTHER with another.",
        ),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave a GPU alone.")] = False,
) -> None:
    """Train a model, or go on with an interrupted run.

    Ctrl-C saves and stops; the same command resumes. A configuration with `notes` and `mixtures`
    trains our model; one with a `task` the paper's, which several processes can share:
    `torchrun --nproc_per_node 2 -m cir train CONFIG`.
    """
    from cir.config import config_keys, load_config
    from cir.training.recipe import RecipeConfig

    overrides = override or []
    folder = output or Path("runs") / "-".join(one.stem for one in (config, *overrides))
    if {"notes", "mixtures"} & config_keys(config):
        recipe = load_config(config, RecipeConfig, overrides)
        _train_recipe(_adjusted(recipe, data, seed, initial), folder, cpu=cpu)
    else:
        from cir.training.run_config import TrainingConfig

        loaded = load_config(config, TrainingConfig, overrides)
        _train_paper(_adjusted(loaded, data, seed, initial), folder, cpu=cpu)


def _adjusted(
    config: _Config, data: list[str] | None, seed: int | None, initial: str | None
) -> _Config:
    """Replace values of the file by those of the command line."""
    if data:
        config = replace(config, data=tuple(data), data_weights=())
    if seed is not None:
        config = replace(config, seed=seed)
    if initial is not None:
        config = replace(config, initial=initial)
    return config


def _train_recipe(config: "RecipeConfig", folder: Path, *, cpu: bool) -> None:
    import torch

    from cir.cli.terminal import progress_bar
    from cir.training.recipe import train_recipe

    cuda = torch.cuda.is_available() and not cpu
    stopped = f"Stopped before the end; the same command goes on in {folder}"
    try:
        with progress_bar("Reading notes", least_seconds=2.0) as progress:
            model = train_recipe(
                config,
                folder,
                cache=folder.parent / "cache",
                device=torch.device("cuda" if cuda else "cpu"),
                progress=progress,
            )
    except (KeyboardInterrupt, SystemExit):  # between stages; a stage ends its step first
        print(stopped)
        raise
    print(f"The model: {model}" if model.exists() else stopped)


def _train_paper(config: "TrainingConfig", folder: Path, *, cpu: bool) -> None:
    from cir.training.loop import train as run

    best = run(config, folder, cpu=cpu)
    if best.exists():
        print(f"Best model by validation: {best}")
    else:
        print(f"Stopped before the first validation; the same command goes on in {folder}")
