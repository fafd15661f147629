"""Small tables on a device, sent there once: the host waits for the device whenever it sends."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor


@lru_cache(maxsize=512)
def device_table(values: tuple[Any, ...], device: torch.device) -> Tensor:
    """Numbers, or tuples of them, as a tensor that nobody may change."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device)
