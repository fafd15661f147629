"""Which of a mixture's unlabelled slots answers for which of its instruments."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cir.errors import InputError
from cir.losses.similarity import cosine_similarities


def slot_matching(slots: Tensor, notes: Tensor, owners: Tensor) -> Tensor:
    """Match notes with slots one to one, so that the cosines in each mixture sum to the most.

                       slot 0  slot 1  slot 2
        mix 0  note 0   [.6]     .7      .1
               note 1    .1     [.6]     .0        [] matched: .6 + .6 > .7 + .1
        mix 1  note 2    .1      .2     [.7]

    Args:
        slots: Answers of every mixture's slots, raw, (B, K, D).
        notes: A note of each instrument in the mixtures, raw, (M, D).
        owners: Index of each note's mixture, (M,).

    Returns:
        The slot of each note, (M,), on the device of the notes; no gradient flows through it.

    Raises:
        InputError: A mixture has more instruments than slots.
    """
    mixtures = owners.cpu().numpy()
    matching = np.zeros(len(notes), dtype=np.int64)
    n_mixtures, n_slots, _ = slots.shape
    with torch.no_grad():
        cosines = cosine_similarities(notes, slots.flatten(0, 1)).view(-1, n_mixtures, n_slots)
        own = cosines[torch.arange(len(notes), device=notes.device), owners].float().cpu().numpy()
    for mixture in np.unique(mixtures):
        rows = np.flatnonzero(mixtures == mixture)
        if len(rows) > n_slots:
            raise InputError(
                f"A mixture has {len(rows)} instruments, but the model only {n_slots} slots; "
                "train with smaller mixtures or with more slots."
            )
        matching[rows] = linear_sum_assignment(1 - own[rows])[1]  # rows come back in order
    return torch.from_numpy(matching).to(notes.device)
