"""How fast a stage learns, against what the chip could do."""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from cir.training.stage import Stage

_CLIP = 2.0
_REHEARSALS = 3


class Flops(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations of matrix products, convolutions and attention."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count one call, and make it."""
        found = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            counted = flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=found)
            self.total += int(counted)
        return found


@dataclass(frozen=True)
class Speed:
    """Of the steps of a stage."""

    examples_a_second: float
    step_seconds: float
    step_flops: int
    first_seconds: float
    """Of the first steps, in which kernels are chosen and compiled."""

    def share_of(self, peak_tflops: float) -> float:
        """Of the operations that the chip could do meanwhile."""
        return self.step_flops / self.step_seconds / (peak_tflops * 1e12)


def take_step(stage: Stage, generator: torch.Generator, number: int, share: float = 0.1) -> None:
    """One step of training, as `run_stage` takes them."""
    generator.manual_seed(number)
    losses = stage.losses(generator)
    total = torch.stack(list(losses.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    stage.optimiser.step(share, clip=_CLIP)


def measure(stage: Stage, device: torch.device, n_steps: int, flops: int | None = None) -> Speed:
    """Take steps and time them.

    Args:
        stage: It learns meanwhile.
        device: Of all of it.
        n_steps: To time, after a few that are not.
        flops: Of a step, where they are known: compiled steps hide them.
    """
    generator = torch.Generator(device)
    began = time.monotonic()
    for number in range(_REHEARSALS):
        take_step(stage, generator, number)
    _wait(device)
    first = time.monotonic() - began
    if flops is None:
        with Flops() as counted:
            take_step(stage, generator, _REHEARSALS)
        flops = counted.total
    _wait(device)
    began = time.monotonic()
    for number in range(n_steps):
        take_step(stage, generator, _REHEARSALS + 1 + number)
    _wait(device)
    seconds = (time.monotonic() - began) / n_steps
    return Speed(stage.batch_size / seconds, seconds, flops, first)


def host_waits(stage: Stage, device: torch.device) -> list[str]:
    """Where a step makes the host wait for the GPU; nothing where there is none."""
    if device.type != "cuda":
        return []
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            take_step(stage, torch.Generator(device), 0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return [f"{one.filename}:{one.lineno}" for one in caught if "synchron" in str(one.message)]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
