"""Embeddings of all processes side by side, so that every sound meets all negatives."""

from typing import Any

import torch
from torch import Tensor, distributed


def process_count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def process_index() -> int:
    """Which of them this one is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows (n_p, ...) of every process p along the first dimension.

    Differentiable. Every process computes the whole loss from the result; a row's gradient is the
    sum over processes, and DistributedDataParallel's mean over processes then gives the gradient of
    one process with the whole batch.
    """
    if process_count() == 1:
        return rows
    size = torch.tensor([len(rows)], device=rows.device)
    sizes = [torch.zeros_like(size) for _ in range(process_count())]
    distributed.all_gather(sizes, size)
    lengths = [int(one) for one in sizes]
    padding = rows.new_zeros(max(lengths) - len(rows), *rows.shape[1:])
    padded: Tensor = _Gather.apply(  # type: ignore[no-untyped-call]
        torch.cat([rows, padding])
    )  # (processes, longest, ...)
    return torch.cat([part[:length] for part, length in zip(padded, lengths, strict=True)])


def gather_indices(indices: Tensor, n_rows: int) -> Tensor:
    """Gather indices into rows that are gathered too, of which this process has `n_rows`."""
    counts = gather_rows(torch.tensor([n_rows], device=indices.device))
    return gather_rows(indices + counts[: process_index()].sum())


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(process_count())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)  # others may hold it
        distributed.all_reduce(total)
        return total[process_index()]
