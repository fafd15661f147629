"""Train one of the paper's models into a folder; an interrupted run resumes where it was."""

import copy
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Never, TypeAlias

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, ProjectConfiguration, set_seed
from torch import Tensor, nn
from torch.optim import AdamW
from tqdm import tqdm

from cir.datasets.base import NoteDataset
from cir.errors import CheckpointError, InputError
from cir.instruments.families import FAMILIES
from cir.model.encoder import TimbreEncoder
from cir.model.hub import fetch
from cir.model.pretrained import initialise_from_ast
from cir.training.batches import BatchRenderer, MixtureBatch, PairBatch
from cir.training.data import open_datasets, training_pool
from cir.training.objective import Objective
from cir.training.prefetch import prefetch
from cir.training.run_config import TrainingConfig
from cir.training.run_folder import Progressed, RunFolder
from cir.training.sampler import BatchSampler, MixtureBatchPlan, PairPlan
from cir.training.stopping import check_finite, collect_interrupts
from cir.training.validation import Validation, check_validation
from cir.types import Progress

_Plan: TypeAlias = PairPlan | MixtureBatchPlan

_LOG_EVERY_STEPS = 20
_PREFETCHED = 4
_PATIENCE = timedelta(hours=6)
"""How long processes wait while one decodes or validates; torch would give up after minutes."""
_TRACKER_PACKAGES = {"tensorboard": ("tensorboardX", "tensorboard")}


def train(config: TrainingConfig, folder: Path, *, cpu: bool = False) -> Path:
    """Train until `config.total_steps`, resuming what `folder` holds.

    Ctrl-C and SIGTERM finish the step, save and stop.

    Args:
        config: The run.
        folder: Where checkpoint, logs, `best` and `last` models go.
        cpu: Do not use a GPU.

    Returns:
        The folder of the best model by validation; it does not exist before the first validation.

    Raises:
        InputError: The batches cannot be shared out among the processes.
        DataError: A loss is not a finite number; the checkpoint before it is kept.
        CirError: A source, a checkpoint or what to start from cannot be used.
    """
    set_seed(config.seed)
    datasets = open_datasets(config)
    check_validation(datasets[0], config)
    use_cpu = cpu or not torch.cuda.is_available()
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision="no" if use_cpu else "bf16",
        log_with=_available_trackers(config.trackers) or None,
        project_config=ProjectConfiguration(str(folder), logging_dir=str(folder)),
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )
    _check_shares(config, accelerator.num_processes)
    run = RunFolder(folder)
    with run.locked() if accelerator.is_main_process else nullcontext():
        _Trainer(config, datasets, run, accelerator).run()
        accelerator.wait_for_everyone()
        accelerator.end_training()
    return run.best


class _Trainer:
    """One process of a run."""

    def __init__(
        self,
        config: TrainingConfig,
        datasets: Sequence[NoteDataset],
        folder: RunFolder,
        accelerator: Accelerator,
    ) -> None:
        self.config = config
        self.folder = folder
        self.accelerator = accelerator
        self.main = accelerator.is_main_process
        with accelerator.main_process_first(), _decoding_bar(show=self.main) as progress:
            pool = training_pool(datasets, config, folder.folder.parent / "cache", progress)
        self.sampler = BatchSampler(pool, config)
        self.renderer = BatchRenderer(pool, config.encoder, accelerator.device)
        numbers = {name: number for number, name in enumerate(FAMILIES)}
        families = [numbers.get(one.family or "", -1) for one in pool.instruments]
        objective = Objective(config, families)
        optimizer = AdamW(_parameter_groups(objective, config), lr=config.learning_rate)
        self.average = copy.deepcopy(objective.network).requires_grad_(False)
        with accelerator.main_process_first():  # it may have to put a checkpoint back in place
            restored = folder.restore(objective, self.average, optimizer)
        if restored is None:
            self._initialise(objective)
            self.average.load_state_dict(objective.network.state_dict())
        self.state = restored or Progressed()
        self.objective, self.optimizer = accelerator.prepare(objective, optimizer)
        for entry in self.optimizer.state.values():
            # accelerate moves all to the device; of steps there, Adam asks one after the other.
            entry["step"] = entry["step"].cpu()
        self.average.to(accelerator.device)
        if self.main:
            self.validation = Validation(datasets[0], pool, config)
            folder.save_config(config)
            accelerator.init_trackers("tensorboard", config={"config": str(asdict(config))})

    def _initialise(self, objective: Objective) -> None:
        """Load the weights that the configuration names to start from."""
        if self.config.initial_ast is not None:
            try:
                folder = fetch(self.config.initial_ast)
            except CheckpointError as error:
                if self.main:
                    tqdm.write(f"Starting from scratch: {error}")
            else:
                initialise_from_ast(objective.network, folder)
        if self.config.initial is not None:
            folder = Path(self.config.initial)
            if not folder.is_dir():
                raise CheckpointError(
                    f"initial: there is no folder {folder}; give that of a run or of a model."
                )
            RunFolder(folder).initialise(objective)

    def run(self) -> None:
        """Train until the end or an interruption."""
        total = self.config.total_steps
        saved_at = time.monotonic()
        bar: tqdm[Never] = tqdm(
            total=total, initial=self.state.step, unit="step", disable=not self.main
        )
        ahead = 0 if self.accelerator.device.type == "cpu" else _PREFETCHED
        batches = prefetch(self._plan, self.state.step, ahead=ahead)
        with collect_interrupts() as interrupted, bar, closing(batches) as plans:
            while self.state.step < total:
                started = time.monotonic()
                losses, clips = self._step(next(plans))
                self.state = replace(
                    self.state,
                    step=self.state.step + 1,
                    clips=self.state.clips + clips,
                    seconds=self.state.seconds + time.monotonic() - started,
                )
                stop = self._any(bool(interrupted))
                if self.main:
                    ended = stop or self.state.step == total
                    due = self.state.step % self.config.validate_every_steps == 0
                    late = time.monotonic() - saved_at > self.config.checkpoint_every_seconds
                    if ended or due or late or self.state.step % _LOG_EVERY_STEPS == 0:
                        check_finite(losses, self.state.step)
                    self._log(losses, bar)
                    if due or self.state.step == total:
                        self._validate()
                    if ended or due or late:
                        self._save()
                        saved_at = time.monotonic()
                if stop:
                    break

    def _step(self, plan: _Plan) -> tuple[dict[str, Tensor], int]:
        """Take a step; return its losses and how many sounds all processes embedded."""
        config, step = self.config, self.state.step
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate_at(step)
        torch.manual_seed(_dropout_seed(config.seed, step, self.accelerator.process_index))
        batch = self._render(plan)
        losses: dict[str, Tensor] = self.objective(batch)
        self.accelerator.backward(losses["loss"])
        if config.max_gradient_norm:
            self.accelerator.clip_grad_norm_(self.objective.parameters(), config.max_gradient_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        network = self.accelerator.unwrap_model(self.objective).network
        # While it is young, the average forgets quickly: random weights would linger otherwise.
        decay = min(config.ema_decay, (step + 1) / (step + 11))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(network.parameters()), 1 - decay
            )
        return losses, batch.n_clips * self.accelerator.num_processes

    def _plan(self, number: int) -> _Plan:
        """Draw the share of this process in batch `number`."""
        draw = self.sampler.pairs if self.config.task == "pairs" else self.sampler.mixtures
        return draw(number, self.accelerator.process_index, self.accelerator.num_processes)

    def _render(self, plan: _Plan) -> PairBatch | MixtureBatch:
        if isinstance(plan, PairPlan):
            return self.renderer.pairs(plan)
        return self.renderer.mixtures(plan)

    def _any(self, here: bool) -> bool:
        """Return whether `here` is true in any process, so that all stop at the same step."""
        if self.accelerator.num_processes == 1:
            return here
        flag = torch.tensor([here], dtype=torch.long, device=self.accelerator.device)
        return bool(self.accelerator.gather(flag).sum() > 0)

    def _log(self, losses: dict[str, Tensor], bar: "tqdm[Never]") -> None:
        bar.update()
        if self.state.step % _LOG_EVERY_STEPS == 0:
            row = {name: float(value.detach()) for name, value in losses.items()}
            speed = self.state.clips / self.state.seconds
            self.folder.log("log.csv", {"step": self.state.step, "clips": self.state.clips, **row})
            self.accelerator.log({**row, "clips_per_second": speed}, step=self.state.step)
            bar.set_postfix(loss=f"{row['loss']:.3f}", clips_per_s=f"{speed:.0f}")

    def _validate(self) -> None:
        started = time.monotonic()
        encoder = TimbreEncoder(self.average, self.accelerator.device)
        metrics = self.validation.run(encoder)
        seconds = self.state.seconds + time.monotonic() - started
        self.state = replace(self.state, seconds=seconds)
        progress = {"step": self.state.step, "clips": self.state.clips, "seconds": seconds}
        self.folder.log("validation.csv", {**progress, **metrics})
        self.accelerator.log(
            {f"validation/{name}": value for name, value in metrics.items()}, step=self.state.step
        )
        if metrics["mrr"] > self.state.best_score:
            encoder.save_pretrained(self.folder.best)
            self.state = replace(self.state, best_score=metrics["mrr"])
        scores = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        tqdm.write(f"step {self.state.step}: {scores}")

    def _save(self) -> None:
        objective = self.accelerator.unwrap_model(self.objective)
        self.folder.save(objective, self.average, self.optimizer, self.state)
        TimbreEncoder(self.average, self.accelerator.device).save_pretrained(self.folder.last)


def _check_shares(config: TrainingConfig, n_processes: int) -> None:
    """Refuse batches that cannot be shared out equally."""
    if config.batch_size % n_processes:
        raise InputError(
            f"batch_size must be a multiple of the number of processes, {n_processes}, got "
            f"{config.batch_size}."
        )


def _available_trackers(names: Sequence[str]) -> list[str]:
    """Return those that can be imported: tracking is never required."""
    return [
        name
        for name in names
        if any(find_spec(package) for package in _TRACKER_PACKAGES.get(name, (name,)))
    ]


@contextmanager
def _decoding_bar(*, show: bool) -> Iterator[Progress]:
    """Show the progress of decoding if it takes more than two seconds."""
    with tqdm(total=100, unit="%", delay=2, leave=False, disable=not show) as bar:

        def report(fraction: float, words: str) -> None:
            bar.set_description(words, refresh=False)
            bar.update(round(100 * fraction) - bar.n)

        yield report


def _dropout_seed(seed: int, number: int, process: int) -> int:
    """Return the seed of the random numbers of one batch, so that a resumed run draws the same."""
    return ((seed * 1_000_003 + number) * 1_009 + process) % 2**63


def _parameter_groups(objective: nn.Module, config: TrainingConfig) -> list[dict[str, object]]:
    """Apply weight decay to matrices only: not to norms, biases, tokens, positions, proxies."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in objective.named_parameters():
        if not parameter.requires_grad:
            continue
        matrix = parameter.ndim >= 2 and name.endswith("weight")
        (decayed if matrix else free).append(parameter)
    return [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
