"""Finds what would make the host wait for a GPU, on a machine that has none."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = (
    "_local_scalar_dense",  # .item(), float(), int(), bool() of a tensor
    "nonzero",
    "masked_select",
    "_unique",
    "unique_",
    "lift_fresh",  # a tensor made of Python numbers is sent over
    "repeat_interleave.Tensor",
)


class HostWaits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the operations whose result, or whose size, the host asks for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Note the operation's name, and do it."""
        name = str(func).removeprefix("aten.")
        by_mask = name.startswith("index") and any(map(_is_mask, args[1:2]))
        # Without replacement, it checks its weights on the host.
        drawn = name.startswith("multinomial") and not (len(args) > 2 and args[2])
        if name.startswith(WAITING) or by_mask or drawn:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


def _is_mask(indices: object) -> bool:
    """Whether places are told by a mask, or by a list that has to be sent over."""
    return isinstance(indices, list | tuple) and any(
        isinstance(one, torch.Tensor) and one.dtype in (torch.bool, torch.uint8) for one in indices
    )
