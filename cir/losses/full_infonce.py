"""InfoNCE in which every sound, note or mixture, is an anchor."""

import torch
from torch import Tensor

from cir.losses.supervised_contrastive import several_positives_infonce
from cir.losses.temperature import PAPER_TEMPERATURE


def full_infonce(
    mixtures: Tensor,
    notes: Tensor,
    owners: Tensor,
    temperature: Tensor | float = PAPER_TEMPERATURE,
) -> Tensor:
    """Notes pick their mixture, mixtures their notes, among all sounds of the batch.

            n0  n1  n2  n3   m0  m1
        n0   .   -   -   -    +   -
        n1   -   .   -   -    +   -
        n2   -   -   .   -    -   +       + positive   - negative   . itself: left out
        n3   -   -   -   .    -   +
        m0   +   +   -   -    .   -
        m1   -   -   +   +    -   .

    A mixture's S notes share its target, 1 / S each, so that its row costs log S at least. We
    deviate from the authors' code, where a sound's cosine with itself counts as 0 and as a target.

    Args:
        mixtures: One raw embedding per mixture, (B, D).
        notes: A note of each instrument in them, raw, (K, D).
        owners: Index of each note's mixture, (K,).
        temperature: Divides the cosines; a tensor if it is learned.

    Returns:
        Mean cross-entropy over the rows, a scalar; mixtures without a note have none.
    """
    mixture = torch.arange(len(mixtures), device=owners.device)
    inside = owners.unsqueeze(1) == mixture  # (K, B)
    is_positive = inside.new_zeros(len(notes) + len(mixtures), len(notes) + len(mixtures))
    is_positive[: len(notes), len(notes) :] = inside
    is_positive[len(notes) :, : len(notes)] = inside.T
    return several_positives_infonce(torch.cat([notes, mixtures]), is_positive, temperature)
