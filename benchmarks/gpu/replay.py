"""Steps of a stage that a GPU repeats by itself: recorded once as CUDA graphs, and replayed.

A step is more than a thousand small kernels, and a host that starts each of them is three times
slower than the GPU. What changes from step to step is drawn or read on the device.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from cir.training.optimiser import MatrixOptimiser
from cir.training.stage import StageConfig
from cir.training.stopping import check_finite

Losses = Callable[[torch.Generator], dict[str, Tensor]]
"""Draws a batch and returns its losses; always of the same shapes."""
_REHEARSALS = 2
_AHEAD = 4
"""Steps that the host may be ahead of the device."""
_TOLD_SECONDS = 10.0


@dataclass(frozen=True)
class Kind:
    """Batches of one shape."""

    share: float
    """Of all steps."""
    losses: Losses


class ReplayedOptimiser(MatrixOptimiser):
    """The same updates, at rates that are read from the device.

    torch's Muon takes its rate as a number, which a recorded step would keep for ever. So it moves
    matrices of zeros at a rate of 1, and what came of it is scaled and added here.
    """

    def __init__(self, optimiser: MatrixOptimiser, config: StageConfig) -> None:
        """Take over the parameters of an optimiser that has not made a step."""
        vars(self).update(vars(optimiser))
        rest = self._parameters[len(self._matrices) :]
        device = rest[0].device
        self.share = torch.zeros((), device=device)
        """Of the highest rates; fill it before each step."""
        (muon,), (adam,) = self._muon.param_groups, self._adam.param_groups
        self._decay = muon["weight_decay"]
        self._clip = config.clip
        self._updates = [nn.Parameter(torch.zeros_like(one)) for one in self._views]
        kind = type(self._muon)
        self._muon = kind(self._updates, lr=1.0, weight_decay=0.0, momentum=muon["momentum"])
        on_gpu = device.type == "cuda"
        self._adam_rate = torch.zeros((), device=device)
        self._adam = AdamW(
            rest,
            lr=self._adam_rate,
            betas=adam["betas"],
            weight_decay=0.0,
            fused=on_gpu,
            capturable=on_gpu,
        )

    def step_recorded(self) -> None:
        """Take a step and forget the gradients, without a number from the host."""
        matrix_rate, rate = self._rates
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._adam_rate.copy_(self.share * rate)
        moved = [one.data for one in self._updates]
        matrices = [one.data for one in self._views]
        torch._foreach_zero_(moved)
        for update, parameter in zip(self._updates, self._matrices, strict=True):
            update.grad = None if parameter.grad is None else parameter.grad.flatten(1)
        self._muon.step()  # type: ignore[no-untyped-call]
        scale = self.share * matrix_rate
        torch._foreach_mul_(matrices, 1 - scale * self._decay)
        torch._foreach_mul_(moved, scale)
        torch._foreach_add_(matrices, moved)
        self._adam.step()
        for one in (*self._parameters, *self._updates):
            one.grad = None


class Steps:
    """Steps of several kinds; on a GPU, all of them are recorded at first."""

    def __init__(self, kinds: Sequence[Kind], optimiser: ReplayedOptimiser, seed: int) -> None:
        self._kinds = kinds
        self._optimiser = optimiser
        self._on_gpu = optimiser.share.is_cuda
        device = optimiser.share.device
        self._generator = (
            torch.cuda.default_generators[device.index or 0]
            if self._on_gpu
            else torch.default_generator
        )
        self._generator.manual_seed(seed)
        self._order = np.random.default_rng(seed)
        self._shares = np.array([kind.share for kind in kinds])
        self._shares /= self._shares.sum()
        self._recorded: list[tuple[torch.cuda.CUDAGraph, dict[str, Tensor]]] = []
        if self._on_gpu:
            self._record()

    def take(self, share: float) -> dict[str, Tensor]:
        """Take a step of a kind that is drawn; return its losses, which the next may overwrite."""
        number = int(self._order.choice(len(self._kinds), p=self._shares))
        self._optimiser.share.fill_(share)
        if not self._on_gpu:
            return self._step(self._kinds[number])
        graph, losses = self._recorded[number]
        graph.replay()
        return losses

    def _step(self, kind: Kind) -> dict[str, Tensor]:
        losses = kind.losses(self._generator)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self._optimiser.step_recorded()
        return {name: value.detach() for name, value in losses.items()}

    def _record(self) -> None:
        """Rehearse each kind aside, at rates of 0, and record it."""
        self._optimiser.share.zero_()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for kind in self._kinds:
                for _ in range(_REHEARSALS):
                    self._step(kind)
        torch.cuda.current_stream().wait_stream(aside)
        memory = torch.cuda.graph_pool_handle()
        for kind in self._kinds:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=memory):
                losses = self._step(kind)
            self._recorded.append((graph, losses))


def run_steps(
    steps: Steps,
    config: StageConfig,
    batch_size: int,
    seconds: float,
    *,
    validate: Callable[[], dict[str, float]],
    validate_seconds: float,
    log: Callable[[float, int, dict[str, float]], None],
) -> None:
    """Take steps until the seconds are over; rates are 0 then.

    Args:
        steps: What learns.
        config: The rates.
        batch_size: Examples of a step.
        seconds: Without those of validations.
        validate: Called now and then, and at the end.
        validate_seconds: Between two validations.
        log: Called with the share that is done, examples, and losses or accuracies.

    Raises:
        DataError: A loss is not a finite number.
    """
    began = told = validated = time.monotonic()
    ahead: deque[torch.cuda.Event] = deque()
    number = 0
    while (done := (time.monotonic() - began) / seconds) < 1:
        losses = steps.take(config.share(done))
        number += 1
        if torch.cuda.is_available():
            ahead.append(torch.cuda.Event())  # type: ignore[no-untyped-call]
            ahead[-1].record()
            if len(ahead) > _AHEAD:
                ahead.popleft().synchronize()
        now = time.monotonic()
        if now - told > _TOLD_SECONDS:
            told = now
            check_finite(losses, number)
            log(done, number * batch_size, {k: float(v) for k, v in losses.items()})
        if now - validated > validate_seconds:
            log(done, number * batch_size, validate())
            validated = time.monotonic()
            began += validated - now  # the clock stands still meanwhile
    if number:
        check_finite(losses, number)
    log(1.0, number * batch_size, validate())
