"""Statistics of batch norms, counted anew over chosen mixtures."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cir.model.conv_ast import ConvAst

_KINDS = (nn.BatchNorm1d, nn.BatchNorm2d)


@torch.no_grad()
def count_statistics(network: ConvAst, batches: Iterable[Tensor]) -> None:
    """Count the statistics of the mixture encoder and of its head over batches of levels.

    Those that training keeps are of its last ten batches or so, and of the families that these
    happened to have; with those of other batches the bundled weights lost ten points of top-1
    (benchmarks/model_log.md).

    Args:
        network: Left in training mode.
        batches: (B, frames, bands) each, all with the same weight.
    """
    mixtures, head = network.mixtures, network.family_head
    assert mixtures is not None and head is not None
    norms = [one for part in (mixtures, head) for one in part.modules() if isinstance(one, _KINDS)]
    momenta = [norm.momentum for norm in norms]
    mixtures.train()
    head.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a mean over all batches
        for levels in batches:
            head(mixtures(levels))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
