"""A minimal training loop on pairs of notes."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim import AdamW

from cir.model.encoder import TimbreEncoder
from cir.model.network_config import EncoderConfig

#: Waveforms of anchors and of their positives, both (P, T), for a step.
DrawPairs: TypeAlias = Callable[[int], tuple[Tensor, Tensor]]

#: A loss of raw embeddings of anchors and positives, both (P, D).
PairLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_WEIGHT_DECAY = 0.05
_WARMUP_STEPS = 40
_LONGEST_GRADIENT = 1.0


def train_on_pairs(
    draw: DrawPairs,
    loss_of: PairLoss,
    *,
    steps: int,
    config: EncoderConfig | None = None,
    learning_rate: float = 5e-4,
    seed: int = 0,
    watch: Callable[[int, float, TimbreEncoder], None] | None = None,
) -> TimbreEncoder:
    """Train a fresh encoder on the CPU, without the checkpoints and logs of `cir train`.

    Args:
        draw: Returns the pairs of a step.
        loss_of: The loss to minimise.
        steps: Number of steps.
        config: Sizes of the encoder; None for those of cir-tiny.
        learning_rate: Rate after a short warm-up.
        seed: Seed of the initial weights.
        watch: Called after each step with its number from 1, the loss and the encoder.
    """
    encoder = TimbreEncoder.from_config(config or EncoderConfig(), seed=seed)
    network = encoder.network
    optimizer = AdamW(network.parameters(), lr=learning_rate, weight_decay=_WEIGHT_DECAY)
    for step in range(steps):
        network.train()
        anchors, positives = draw(step)
        embeddings = network.embed_notes(network.features(torch.cat([anchors, positives])))
        loss = loss_of(embeddings[: len(anchors)], embeddings[len(anchors) :])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_GRADIENT)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / _WARMUP_STEPS)
        optimizer.step()
        network.eval()
        if watch is not None:
            watch(step + 1, float(loss.detach()), encoder)
    return encoder
