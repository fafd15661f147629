"""Train a configuration into a folder; interrupted at any moment, it goes on where it was."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from torch import Tensor, nn
from torch.optim import AdamW
from tqdm import tqdm

from cir.instruments.note_bank import NoteBank
from cir.model.encoder import TimbreEncoder
from cir.training.average import MovingAverage
from cir.training.batches import BatchSampler, MixtureBatch, PairBatch
from cir.training.config import TrainingConfig
from cir.training.data import training_pool
from cir.training.objective import Objective
from cir.training.run_folder import Progressed, RunFolder, advance
from cir.training.schedule import learning_rate_factor
from cir.training.validation import Validation

_LOG_EVERY_STEPS = 20


def train(config: TrainingConfig, data: Path, folder: Path, *, cpu: bool = False) -> Path:
    """Train until `config.total_steps`, resuming what `folder` holds.

    Args:
        config: The run.
        data: Folder of a note bank.
        folder: Where checkpoint, logs, `best` and `last` models go.
        cpu: Leave a GPU alone.

    Returns:
        The folder of the best model by validation.
    """
    set_seed(config.seed)
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision=config.precision,
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    bank = NoteBank.open(data)
    with accelerator.main_process_first():
        pool = training_pool(bank, config, folder.parent / "cache")
    sampler = BatchSampler(pool, config)
    objective = Objective(config, len(pool.instruments))
    run = RunFolder(folder)
    if config.initial_run is not None:
        RunFolder(Path(config.initial_run)).initialise(objective)
    if accelerator.device.type == "cpu":
        # On short sequences PyTorch's CPU flash attention is the slower one, backwards above all.
        objective.network.ast.set_attn_implementation("eager")
    optimizer = AdamW(_parameter_groups(objective, config), lr=config.learning_rate)
    average = MovingAverage(objective.network, config.ema_decay)
    state = run.restore(objective, average.network, optimizer) or Progressed()
    parallel, optimizer = accelerator.prepare(objective, optimizer)
    average.network.to(accelerator.device)
    validation = Validation(bank, pool, config) if accelerator.is_main_process else None
    if accelerator.is_main_process:
        run.save_config(config)
    last_saved = time.monotonic()
    with (
        _interrupts() as interrupted,
        tqdm(
            total=config.total_steps,
            initial=state.step,
            unit="step",
            disable=not accelerator.is_main_process,
        ) as bar,
    ):
        while state.step < config.total_steps:
            started = time.monotonic()
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * learning_rate_factor(
                    state.step,
                    total=config.total_steps,
                    warmup=config.warmup_steps,
                    decay=config.decay_steps,
                )
            batch = _draw(sampler, state.step, accelerator)
            losses: dict[str, Tensor] = parallel(batch)
            accelerator.backward(losses["loss"])
            accelerator.clip_grad_norm_(parallel.parameters(), config.max_gradient_norm)
            optimizer.step()
            optimizer.zero_grad()
            average.update(accelerator.unwrap_model(parallel).network, state.step + 1)
            clips = _count_clips(batch) * accelerator.num_processes
            state = advance(state, clips=clips, seconds=time.monotonic() - started)
            stop = bool(accelerator.gather(torch.tensor([len(interrupted)])).sum() > 0)
            if accelerator.is_main_process:
                bar.update()
                if state.step % _LOG_EVERY_STEPS == 0:
                    row = {name: float(value.detach()) for name, value in losses.items()}
                    run.log({"step": state.step, "clips": state.clips, **row})
                    bar.set_postfix(
                        loss=f"{row['loss']:.3f}", clips_per_s=f"{state.clips / state.seconds:.0f}"
                    )
                due = state.step % config.validate_every_steps == 0
                if due or state.step == config.total_steps:
                    state = _validate(validation, average, accelerator, run, state)
                late = time.monotonic() - last_saved > config.checkpoint_every_seconds
                if stop or due or late or state.step == config.total_steps:
                    run.save(accelerator.unwrap_model(parallel), average.network, optimizer, state)
                    TimbreEncoder(average.network, accelerator.device).save_pretrained(run.last)
                    last_saved = time.monotonic()
            if stop:
                break
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return run.best


def _draw(sampler: BatchSampler, step: int, accelerator: Accelerator) -> PairBatch | MixtureBatch:
    draw = sampler.pairs if sampler.config.task == "pairs" else sampler.mixtures
    batch = draw(step, accelerator.process_index)
    return type(batch)(
        **{name: value.to(accelerator.device) for name, value in vars(batch).items()}
    )


def _count_clips(batch: PairBatch | MixtureBatch) -> int:
    notes = batch.notes.shape[0] * batch.notes.shape[1]
    return notes + (len(batch.mixtures) if isinstance(batch, MixtureBatch) else 0)


def _validate(
    validation: Validation | None,
    average: MovingAverage,
    accelerator: Accelerator,
    run: RunFolder,
    state: Progressed,
) -> Progressed:
    if validation is None:
        return state
    started = time.monotonic()
    encoder = TimbreEncoder(average.network, accelerator.device)
    metrics = validation.run(encoder)
    seconds = state.seconds + time.monotonic() - started
    run.log({"step": state.step, "clips": state.clips, "seconds": seconds, **metrics})
    if metrics["mrr"] > state.best_score:
        encoder.save_pretrained(run.best)
        state = replace(state, best_score=metrics["mrr"])
    accelerator.print(
        f"step {state.step}: " + ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
    )
    return replace(state, seconds=seconds)


def _parameter_groups(objective: nn.Module, config: TrainingConfig) -> list[dict[str, object]]:
    """Weight decay for matrices only: not for norms, biases, tokens, positions and proxies."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in objective.named_parameters():
        matrix = parameter.ndim >= 2 and name.endswith("weight")
        (decayed if matrix else free).append(parameter)
    return [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them: the step is finished and saved."""
    caught: list[int] = []
    previous = {
        number: signal.signal(number, lambda received, _: caught.append(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
