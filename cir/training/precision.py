"""The number format in which a machine trains fastest, found by trying."""

import time

import torch
from torch import nn

from cir.model.conv_ast import ConvAst

_N_CLIPS = 64
_SECONDS = 2.0


def choose_precision(network: ConvAst, device: torch.device) -> torch.dtype:
    """Train a copy for a few seconds in both formats, and return the faster one.

    Some processors have bfloat16 only in name. A GPU always takes bfloat16.
    """
    if device.type == "cuda":
        return torch.bfloat16
    with torch.random.fork_rng(devices=[]):
        trial = ConvAst(network.config)
    # The first of each warms up.
    seconds = {
        precision: min(_time(trial, precision) for _ in range(2))
        for precision in (torch.float32, torch.bfloat16)
    }
    return min(seconds, key=lambda precision: seconds[precision])


def _time(network: ConvAst, precision: torch.dtype) -> float:
    """Measure the seconds of processor time that a step of notes takes."""
    levels = torch.zeros(_N_CLIPS, network.config.note_frames, network.config.bands.n_bands)
    began, steps = time.process_time(), 0
    while time.process_time() - began < _SECONDS / 4 or not steps:
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            embeddings = network.embed_once(levels)
        loss = nn.functional.mse_loss(embeddings.float(), torch.ones_like(embeddings).float())
        loss.backward()  # type: ignore[no-untyped-call]
        steps += 1
    return (time.process_time() - began) / steps
