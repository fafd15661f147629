"""The two stages of our training beside the audio path, which trained the model before them."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from timing import interleaved_medians
from training_paths import OurPath

from cir.datasets.registry import open_dataset
from cir.instruments.families import FAMILIES
from cir.mixtures.mixture_config import PAPER_FAMILIES
from cir.mixtures.pool import NotePool
from cir.model.ast_config import EncoderConfig
from cir.model.conv_ast import ConvAst
from cir.training.feature_cache import FeatureCache
from cir.training.feature_pool import FeaturePool
from cir.training.precision import choose_precision
from cir.training.recipe import RecipeConfig, make_mixture_stage, make_note_stage
from cir.training.run_config import TrainingConfig
from cir.training.sampler import BatchSampler
from cir.training.stage import Stage, StageConfig

#: `configs/cir-small.yaml` at 528a32d, without what the audio path no longer has: effects on
#: mixtures and shares of cells, which cost time, and patches that notes lost, which saved some.
BEFORE = TrainingConfig(
    encoder=EncoderConfig(families=tuple(family for family in FAMILIES if family != "pipe")),
    losses={
        "query_triplet": 1.0,
        "full_triplet": 0.5,
        "query_infonce": 0.5,
        "query_proxies": 0.5,
        "note_proxies": 0.5,
    },
    learn_temperature=True,
    batch_size=12,
    level_range_db=3.0,
)
STAGES = ("notes", "mixtures")
_N_STEMS = len(PAPER_FAMILIES)


def measure_stages(
    pool: NotePool,
    before: TrainingConfig,
    recipe: RecipeConfig,
    cache: Path,
    n_steps: int,
    device: torch.device,
) -> dict[str, Any]:
    """Sounds per second and core of both stages and the audio path: medians of steps in turns.

    On a CPU, seconds are those that its cores computed. A mixture counts as four sounds everywhere:
    itself, and a note of each of its instruments.

    Args:
        pool: What the audio path plays.
        before: What it trains.
        recipe: Of the stages; every mixture is of the paper's families here.
        cache: Where features are kept.
        n_steps: That medians are of.
        device: Where everything is computed.

    Raises:
        CirError: Data is missing, or too little for the batches.
    """
    torch.manual_seed(recipe.seed)
    datasets = [open_dataset(spec, seed=recipe.seed) for spec in recipe.data]
    caches = [FeatureCache.open(cache, dataset, recipe.encoder.bands) for dataset in datasets]
    features = FeaturePool.join(caches, (1.0,) * len(caches), str(device))
    network = ConvAst(recipe.encoder).to(device)
    precision = choose_precision(network, device)
    notes = make_note_stage(recipe, network, features, caches, precision)
    own = replace(recipe.mixtures, paper_share=1.0, n_validation_mixtures=1)
    # A network of its own: the second stage freezes what the first one trains.
    listening = ConvAst(recipe.encoder).to(device)
    mixtures = make_mixture_stage(
        replace(recipe, mixtures=own), listening, features, caches, datasets, precision
    )
    audio = OurPath(pool, BatchSampler(pool, before), before, device)
    numbers = count()
    seconds = interleaved_medians(
        {
            "audio": lambda: audio.step(next(numbers)),
            "notes": _steps(notes, recipe.notes, device),
            "mixtures": _steps(mixtures, own, device),
        },
        repeats=n_steps,
        # A core's own seconds: whoever else computes here takes none of them.
        clock=time.process_time if device.type == "cpu" else time.perf_counter,
    )
    sounds = {
        "audio": before.batch_size * (1 + _N_STEMS),
        "notes": notes.batch_size,
        "mixtures": mixtures.batch_size * (1 + _N_STEMS),
    }
    speeds = {name: sounds[name] / seconds[name] for name in seconds}
    return {
        "sounds_per_step": sounds,
        "sounds_per_second": speeds,
        "speed_up": {name: speeds[name] / speeds["audio"] for name in STAGES},
        "precision": str(precision).removeprefix("torch."),
        "parameters": {
            "audio": sum(one.numel() for one in audio.objective.network.parameters()),
            "stages": sum(one.numel() for one in listening.parameters()),
        },
        "steps": n_steps,
    }


def _steps(stage: Stage, config: StageConfig, device: torch.device) -> Callable[[], None]:
    """Train on the next batch, as `run_stage` does."""
    generator = torch.Generator(device)

    def step() -> None:
        losses = stage.losses(generator)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        stage.optimiser.step(1.0, clip=config.clip)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step
