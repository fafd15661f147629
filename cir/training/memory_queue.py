"""Negatives from batches gone by."""

import torch
from torch import Tensor, nn

_EMPTY = -1


class MemoryQueue(nn.Module):
    """The last `size` embeddings and whose they are, first in, first out.

    All of it is in buffers, so that a resumed run has the negatives of an unbroken one.

    He et al. (2020) feed their queue from a slow copy of the encoder; ours holds what the encoder
    itself said a few steps ago, so keep it short against how fast the encoder learns.
    """

    keys: Tensor
    instruments: Tensor
    cursor: Tensor

    def __init__(self, size: int, dim: int) -> None:
        """Start empty, with room for `size` embeddings (D = `dim`)."""
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, dim))
        self.register_buffer("instruments", torch.full((size,), _EMPTY))
        self.register_buffer("cursor", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def push(self, embeddings: Tensor, instruments: Tensor) -> None:
        """Put in a batch (N, D) and the number of each embedding's instrument (N,), from 0.

        The oldest go; of more than fit, the last stay. Under several processes, push the gathered
        batch everywhere.
        """
        size, n_pushed = len(self.keys), len(embeddings)
        kept = slice(max(0, n_pushed - size), None)
        places = (self.cursor + torch.arange(n_pushed, device=self.keys.device))[kept] % size
        self.keys[places] = embeddings[kept].to(self.keys.dtype)
        self.instruments[places] = instruments[kept]
        self.cursor += n_pushed

    def negatives_for(self, instruments: Tensor) -> tuple[Tensor, Tensor]:
        """What the sounds of these instruments (P,) may be contrasted with.

        Returns:
            The keys (M, D), M = size however few there are yet, and which of them are
            embeddings of another instrument, bool (P, M).
        """
        filled = self.instruments != _EMPTY
        return self.keys, filled & (instruments.unsqueeze(1) != self.instruments)
