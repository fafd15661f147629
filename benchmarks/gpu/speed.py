"""How fast a stage learns, against what the chip could do."""

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.gpu.replay import Steps
from cir.training.stage import Stage

_SHARE = 0.1
_CLIP = 2.0


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


def take_step(stage: Stage, number: int) -> None:
    """One step of training at rates of 0, started by the host."""
    device = next(iter(stage.state().values())).device
    losses = stage.losses(torch.Generator(device).manual_seed(number))
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    stage.optimiser.step(0.0, clip=_CLIP)


def count_flops(stage: Stage, device: torch.device) -> int:
    """Count the operations of a step; compiled and recorded steps would hide them."""
    with Flops() as counted:
        take_step(stage, 0)
    _wait(device)
    total: int = counted.total
    return total


def measure(steps: Steps, device: torch.device, n_steps: int) -> float:
    """Seconds of a step, of as many as are taken."""
    steps.take(_SHARE)
    _wait(device)
    began = time.monotonic()
    for _ in range(n_steps):
        steps.take(_SHARE)
    _wait(device)
    return (time.monotonic() - began) / n_steps


def host_waits(stage: Stage, device: torch.device) -> list[str]:
    """Where a step makes the host wait for the GPU; nothing where there is none."""
    if device.type != "cuda":
        return []
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            take_step(stage, 0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return [f"{one.filename}:{one.lineno}" for one in caught if "synchron" in str(one.message)]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
