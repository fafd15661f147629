"""Embeddings of all processes side by side, so that every sound meets all negatives."""

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather


def all_gather_rows(rows: Tensor) -> Tensor:
    """Concatenate the rows (n_p, ...) of every process p along the first dimension.

    Differentiable. Every process computes the whole loss from the result; a row's gradient is the
    sum over processes, and DistributedDataParallel's mean over processes then gives the gradient of
    one process with the whole batch.
    """
    if not distributed.is_initialized():
        return rows
    size = torch.tensor([len(rows)], device=rows.device)
    lengths = [int(one) for one in all_gather(size)]  # type: ignore[no-untyped-call]
    padding = rows.new_zeros(max(lengths) - len(rows), *rows.shape[1:])
    parts = all_gather(torch.cat([rows, padding]))  # type: ignore[no-untyped-call]
    return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])


def all_gather_indices(indices: Tensor, n_rows: int) -> Tensor:
    """Gather indices into rows that are gathered too, of which this process has `n_rows`."""
    if not distributed.is_initialized():
        return indices
    counts = all_gather_rows(torch.tensor([n_rows], device=indices.device))
    return all_gather_rows(indices + counts[: distributed.get_rank()].sum())
