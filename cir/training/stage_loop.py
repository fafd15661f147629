"""The loop of a stage: schedule, checkpoints, a log; it can be stopped and goes on."""

import csv
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from cir.errors import CheckpointError
from cir.files import replacing
from cir.training.checkpoint_tensors import CHECKPOINT_ERRORS, to_stored, with_prefix
from cir.training.stage import Stage, StageConfig
from cir.training.stopping import check_finite, collect_interrupts

CHECKPOINT = "checkpoint.safetensors"
STABLE = "stable.safetensors"
"""The last checkpoint before the rates began to fall: where a longer run goes on."""
LOG = "log.csv"
_LOG_SECONDS = 20.0


@dataclass
class Clock:
    """Progress of a stage."""

    step: int = 0
    seconds: float = 0.0

    def done(self, config: StageConfig, batch_size: int) -> float:
        """Return the share of the stage that is over, 0 to 1."""
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
    """Train until the end, resuming a checkpoint in `folder` if there is one.

    Args:
        stage: What learns.
        config: How long and how fast.
        folder: Where checkpoints and the log go.
        seed: Seeds every draw, together with the step.
        device: Where batches are drawn.
        validate_minutes: Time between validations.
        checkpoint_minutes: Time between checkpoints.
        initial: A checkpoint of another run of this stage to start from, with a new clock.

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
    if finished := stage.finish():
        _log(folder, stage, clock, 1.0, finished)
    return True


def save_checkpoint(path: Path, stage: Stage, clock: Clock) -> None:
    """Write all that a run needs to resume, atomically."""
    tensors = {f"stage.{name}": value for name, value in stage.state().items()}
    tensors |= {f"optimiser.{k}": v for k, v in stage.optimiser.state_tensors().items()}
    with replacing(path) as temporary:
        save_file(to_stored(tensors), temporary, {"clock": json.dumps(vars(clock))})


def load_checkpoint(path: Path, stage: Stage, *, of_another_run: bool = False) -> Clock:
    """Load what `save_checkpoint` wrote; of another run only what the stage trains.

    Raises:
        CheckpointError: There is no such file, it is damaged, or of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            clock = Clock(**json.loads(file.metadata()["clock"]))
        (stage.start_from if of_another_run else stage.load_state)(with_prefix(tensors, "stage."))
        stage.optimiser.load_state_tensors(with_prefix(tensors, "optimiser."))
    except CHECKPOINT_ERRORS as error:
        raise CheckpointError(
            f"The checkpoint {path} does not fit this run ({error}); delete its folder to start "
            "anew, or give the configuration that it was made with."
        ) from error
    return clock


def _seed_of(seed: int, step: int) -> int:
    """Return the seed of one step, of 32 bits: a CPU generator ignores all others."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _log(
    folder: Path, stage: Stage, clock: Clock, done: float, values: Mapping[str, float]
) -> None:
    """Print a line, and write one row for each value into the log."""
    examples = clock.step * stage.batch_size
    words = " ".join(f"{name} {value:.4g}" for name, value in values.items())
    speed = examples / max(clock.seconds, 1e-9)
    print(f"{done:6.1%} {examples} examples, {speed:.0f} a second: {words}", flush=True)
    with (folder / LOG).open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for name, value in values.items():
            writer.writerow([clock.step, examples, round(clock.seconds), name, f"{value:.6g}"])
