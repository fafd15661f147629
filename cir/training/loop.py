"""Train a configuration into a folder; interrupted at any moment, it goes on where it was."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Never

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
from cir.training.run_folder import Progressed, RunFolder
from cir.training.schedule import learning_rate_factor
from cir.training.validation import Validation

_LOG_EVERY_STEPS = 20


def train(config: TrainingConfig, data: Path, folder: Path, *, cpu: bool = False) -> Path:
    """Train until `config.total_steps`, resuming what `folder` holds.

    Ctrl-C and SIGTERM finish the step, save and stop.

    Args:
        config: The run.
        data: Folder of a note bank.
        folder: Where checkpoint, logs, `best` and `last` models go.
        cpu: Leave a GPU alone.

    Returns:
        The folder of the best model by validation.
    """
    set_seed(config.seed)
    # Pairs leave the family queries without gradients.
    parallel = DistributedDataParallelKwargs(find_unused_parameters=config.task == "pairs")
    accelerator = Accelerator(cpu=cpu, mixed_precision=config.precision, kwargs_handlers=[parallel])
    run = RunFolder(folder)
    with run.locked() if accelerator.is_main_process else nullcontext():
        _Trainer(config, NoteBank.open(data), run, accelerator).run()
        accelerator.wait_for_everyone()
    accelerator.end_training()
    return run.best


class _Trainer:
    """One process of a run."""

    def __init__(
        self,
        config: TrainingConfig,
        bank: NoteBank,
        folder: RunFolder,
        accelerator: Accelerator,
    ) -> None:
        self.config = config
        self.folder = folder
        self.accelerator = accelerator
        with accelerator.main_process_first():
            pool = training_pool(bank, config, folder.folder.parent / "cache")
        self.sampler = BatchSampler(pool, config)
        objective = Objective(config, len(pool.instruments))
        if config.initial_run is not None:
            RunFolder(Path(config.initial_run)).initialise(objective)
        if accelerator.device.type == "cpu":
            # On short sequences the CPU flash attention is the slower one, backwards above all.
            objective.network.ast.set_attn_implementation("eager")
        optimizer = AdamW(_parameter_groups(objective, config), lr=config.learning_rate)
        self.average = MovingAverage(objective.network, config.ema_decay)
        restored = folder.restore(objective, self.average.network, optimizer)
        self.state = restored or Progressed()
        self.objective, self.optimizer = accelerator.prepare(objective, optimizer)
        self.average.network.to(accelerator.device)
        self.main = accelerator.is_main_process
        if self.main:
            self.validation = Validation(bank, pool, config)
            folder.save_config(config)

    def run(self) -> None:
        """Step after step until the end or an interruption."""
        total = self.config.total_steps
        saved_at = time.monotonic()
        bar: tqdm[Never] = tqdm(
            total=total, initial=self.state.step, unit="step", disable=not self.main
        )
        with _interrupts() as interrupted, bar:
            while self.state.step < total:
                started = time.monotonic()
                losses, clips = self._step()
                self.state = replace(
                    self.state,
                    step=self.state.step + 1,
                    clips=self.state.clips + clips,
                    seconds=self.state.seconds + time.monotonic() - started,
                )
                stop = self._any(bool(interrupted))
                if self.main:
                    self._log(losses, bar)
                    ended = stop or self.state.step == total
                    due = self.state.step % self.config.validate_every_steps == 0
                    if due or self.state.step == total:
                        self._validate()
                    late = time.monotonic() - saved_at > self.config.checkpoint_every_seconds
                    if ended or due or late:
                        self._save()
                        saved_at = time.monotonic()
                if stop:
                    break

    def _step(self) -> tuple[dict[str, Tensor], int]:
        """One optimiser step; its losses and how many sounds all processes embedded."""
        factor = learning_rate_factor(
            self.state.step,
            total=self.config.total_steps,
            warmup=self.config.warmup_steps,
            decay=self.config.decay_steps,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * factor
        batch = self._draw()
        losses: dict[str, Tensor] = self.objective(batch)
        self.accelerator.backward(losses["loss"])
        self.accelerator.clip_grad_norm_(self.objective.parameters(), self.config.max_gradient_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        network = self.accelerator.unwrap_model(self.objective).network
        self.average.update(network, self.state.step + 1)
        return losses, batch.n_clips * self.accelerator.num_processes

    def _draw(self) -> PairBatch | MixtureBatch:
        draw = self.sampler.pairs if self.config.task == "pairs" else self.sampler.mixtures
        return draw(self.state.step, self.accelerator.process_index).to(self.accelerator.device)

    def _any(self, here: bool) -> bool:
        """Whether it is so in any process: they all stop at the same step."""
        flag = torch.tensor([here], dtype=torch.long, device=self.accelerator.device)
        return bool(self.accelerator.gather(flag).sum() > 0)

    def _log(self, losses: dict[str, Tensor], bar: "tqdm[Never]") -> None:
        bar.update()
        if self.state.step % _LOG_EVERY_STEPS == 0:
            row = {name: float(value.detach()) for name, value in losses.items()}
            self.folder.log({"step": self.state.step, "clips": self.state.clips, **row})
            speed = self.state.clips / self.state.seconds
            bar.set_postfix(loss=f"{row['loss']:.3f}", clips_per_s=f"{speed:.0f}")

    def _validate(self) -> None:
        started = time.monotonic()
        encoder = TimbreEncoder(self.average.network, self.accelerator.device)
        metrics = self.validation.run(encoder)
        seconds = self.state.seconds + time.monotonic() - started
        self.state = replace(self.state, seconds=seconds)
        self.folder.log_validation(
            {"step": self.state.step, "clips": self.state.clips, "seconds": seconds, **metrics}
        )
        if metrics["mrr"] > self.state.best_score:
            encoder.save_pretrained(self.folder.best)
            self.state = replace(self.state, best_score=metrics["mrr"])
        scores = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        tqdm.write(f"step {self.state.step}: {scores}")

    def _save(self) -> None:
        objective = self.accelerator.unwrap_model(self.objective)
        self.folder.save(objective, self.average.network, self.optimizer, self.state)
        TimbreEncoder(self.average.network, self.accelerator.device).save_pretrained(
            self.folder.last
        )


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
