"""InfoNCE between mixtures and single notes of the instruments in them."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cir.losses.pair_infonce import PAPER_TEMPERATURE
from cir.losses.similarity import cosine_similarities


def mix_infonce(
    mixtures: Tensor, notes: Tensor, temperature: Tensor | float = PAPER_TEMPERATURE
) -> Tensor:
    """Each note picks its own mixture among the batch's mixtures (the paper's InfoNCE).

                   m0  m1  m2
        stem 0 0    +   -   -
        stem 0 1    +   -   -
        stem 1 0    -   +   -       + positive   - negative
        ...

    Args:
        mixtures: One raw embedding per mixture, (B, D).
        notes: A note of each of its instruments, (B, S, D).
        temperature: Divides the cosines.

    Returns:
        Mean cross-entropy over the B x S notes, a scalar.
    """
    batch, stems, _ = notes.shape
    logits = cosine_similarities(notes.flatten(0, 1), mixtures) / temperature
    target = torch.arange(batch, device=logits.device).repeat_interleave(stems)
    return cross_entropy(logits, target)


def query_infonce(
    queries: Tensor, notes: Tensor, temperature: Tensor | float = PAPER_TEMPERATURE
) -> Tensor:
    """Each family query of a mixture picks the note of its instrument, and the note its query.

    Ours: where a mixture has one embedding per family, a query has exactly one positive, and the
    other stems of its own mixture are plain negatives.

                      n00  n01  n10  n11
        mix 0 query 0  +    -    -    -
        mix 0 query 1  -    +    -    -       + positive   - negative
        mix 1 query 0  -    -    +    -
        mix 1 query 1  -    -    -    +

    Args:
        queries: The answers of the queries of the families that play, raw, (B, S, D).
        notes: A note of each of the instruments, in the same order, (B, S, D).
        temperature: Divides the cosines.

    Returns:
        Mean of the two cross-entropies, a scalar.
    """
    logits = cosine_similarities(queries.flatten(0, 1), notes.flatten(0, 1)) / temperature
    target = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
