"""What the two stages of training share: schedule, checkpoints, a loop that can be stopped."""

import csv
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cir.errors import CheckpointError, InputError
from cir.files import replacing
from cir.training.divergence import check_finite
from cir.training.interrupts import collect_interrupts
from cir.training.optimiser import MatrixOptimiser

CHECKPOINT = "checkpoint.safetensors"
STABLE = "stable.safetensors"
"""The last checkpoint before the rate began to fall: where a longer run goes on."""
LOG = "log.csv"
_LOG_SECONDS = 20.0


@dataclass(frozen=True)
class StageConfig:
    """How long a stage learns, and how fast."""

    examples: int = 1_000_000
    """Notes, or mixtures."""
    minutes: float = 0.0
    """Instead of `examples`, the stage ends by the clock; 0 for none."""
    matrix_rate: float = 0.02
    """Muon's, for matrices and convolutions."""
    rate: float = 2e-3
    """AdamW's, for everything else."""
    weight_decay: float = 0.05
    warm_share: float = 0.03
    """Of the stage, in which the rates rise."""
    fall_share: float = 0.5
    """Of the stage, at its end, in which they fall to 0."""
    clip: float = 2.0
    """Longer gradients are shortened to it."""

    def __post_init__(self) -> None:
        for name in ("examples", "matrix_rate", "rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")
        for name in ("minutes", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be 0 at least, got {getattr(self, name)}.")
        for name in ("warm_share", "fall_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie between 0 and 1, got {getattr(self, name)}.")

    def share(self, done: float) -> float:
        """Of the highest rates, when so much of the stage is done, from 0 to 1."""
        rising = 1.0 if self.warm_share == 0 else min(1.0, (done + 1e-4) / self.warm_share)
        falling = 1.0 if self.fall_share == 0 else min(1.0, (1 - done) / self.fall_share)
        return max(0.0, rising * falling)


class Stage(ABC):
    """Something that learns from batches that it draws itself."""

    optimiser: MatrixOptimiser
    batch_size: int

    @abstractmethod
    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw a batch and tell what is wrong with the answers; the losses are added up."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Everything that was learned, by name."""

    @abstractmethod
    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what `state` gave."""

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Take from another run's `state` what this stage trains, and nothing else."""
        self.load_state(tensors)

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Accuracy on instruments that were not trained on."""


@dataclass
class Clock:
    """How far a stage is."""

    step: int = 0
    seconds: float = 0.0

    def done(self, config: StageConfig, batch_size: int) -> float:
        """From 0 to 1."""
        if config.minutes:
            return min(1.0, self.seconds / (60 * config.minutes))
        return min(1.0, self.step * batch_size / config.examples)


def run_stage(
    stage: Stage,
    config: StageConfig,
    folder: Path,
    *,
    seed: int,
    device: torch.device,
    validate_minutes: float = 10.0,
    checkpoint_minutes: float = 2.0,
    initial: Path | None = None,
) -> bool:
    """Learn until the end, going on from a checkpoint in `folder` where there is one.

    Args:
        stage: What learns.
        config: How long and how fast.
        folder: Where checkpoints and the log go.
        seed: Of every draw, together with the step.
        device: Of the draws.
        validate_minutes: Between validations.
        checkpoint_minutes: Between checkpoints.
        initial: A checkpoint of another run of this stage to start from; its clock starts anew.

    Returns:
        Whether the end was reached; Ctrl-C and SIGTERM save and stop before it.

    Raises:
        DataError: A loss is not a finite number; the checkpoint before it is kept.
        CheckpointError: A checkpoint cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    if (folder / CHECKPOINT).is_file():
        clock = load_checkpoint(folder / CHECKPOINT, stage)
    elif initial is not None:
        load_checkpoint(initial, stage, of_another_run=True)
    generator = torch.Generator(device)
    saved = validated = told = clock.seconds
    falls = clock.done(config, stage.batch_size) > 1 - config.fall_share
    began = time.monotonic() - clock.seconds
    losses: dict[str, Tensor] = {}
    with collect_interrupts() as interrupted:
        while (done := clock.done(config, stage.batch_size)) < 1 and not interrupted:
            if not falls and done > 1 - config.fall_share:
                check_finite(losses, clock.step)
                save_checkpoint(folder / STABLE, stage, clock)
                falls = True
            generator.manual_seed(_seed_of(seed, clock.step))
            losses = stage.losses(generator)
            total = torch.stack(list(losses.values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
            stage.optimiser.step(config.share(done), clip=config.clip)
            clock.step += 1
            clock.seconds = time.monotonic() - began
            if clock.seconds - told > _LOG_SECONDS:
                told = clock.seconds
                check_finite(losses, clock.step)
                row = {name: float(value.detach()) for name, value in losses.items()}
                _log(folder, stage, clock, done, row)
            if clock.seconds - saved > 60 * checkpoint_minutes:
                saved = clock.seconds
                check_finite(losses, clock.step)
                save_checkpoint(folder / CHECKPOINT, stage, clock)
            if clock.seconds - validated > 60 * validate_minutes:
                validated = clock.seconds
                _log(folder, stage, clock, done, stage.validate())
                began = time.monotonic() - clock.seconds  # the clock stands still meanwhile
    if losses:
        check_finite(losses, clock.step)
        save_checkpoint(folder / CHECKPOINT, stage, clock)
    if interrupted:
        return False
    _log(folder, stage, clock, 1.0, stage.validate())
    return True


def save_checkpoint(path: Path, stage: Stage, clock: Clock) -> None:
    """Write all that a run needs to go on, atomically."""
    tensors = {f"stage.{name}": value for name, value in stage.state().items()}
    tensors |= {f"optimiser.{k}": v for k, v in stage.optimiser.state_tensors().items()}
    stored = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with replacing(path) as temporary:
        save_file(stored, temporary, {"clock": json.dumps(vars(clock))})


def load_checkpoint(path: Path, stage: Stage, *, of_another_run: bool = False) -> Clock:
    """Take up what `save_checkpoint` wrote; of another run only what the stage trains.

    Raises:
        CheckpointError: There is no such file, it is damaged, or of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            clock = Clock(**json.loads(file.metadata()["clock"]))
        (stage.start_from if of_another_run else stage.load_state)(_of(tensors, "stage."))
        stage.optimiser.load_state_tensors(_of(tensors, "optimiser."))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"The checkpoint {path} does not fit this run ({error}); delete its folder to start "
            "anew, or give the configuration that it was made with."
        ) from error
    return clock


def _seed_of(seed: int, step: int) -> int:
    """Of the draws of one step; of 32 bits, all that the generator of a CPU looks at."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _log(
    folder: Path, stage: Stage, clock: Clock, done: float, values: Mapping[str, float]
) -> None:
    """A line for people, and one row for each value in the log."""
    examples = clock.step * stage.batch_size
    words = " ".join(f"{name} {value:.4g}" for name, value in values.items())
    speed = examples / max(clock.seconds, 1e-9)
    print(f"{done:6.1%} {examples} examples, {speed:.0f} a second: {words}", flush=True)
    with (folder / LOG).open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for name, value in values.items():
            writer.writerow([clock.step, examples, round(clock.seconds), name, f"{value:.6g}"])
