"""The paper's best loss: every sound, note or mixture, is an anchor at some point."""

import torch
from torch import Tensor


def full_triplet(mixtures: Tensor, notes: Tensor, margin: float = 1.0) -> Tensor:
    """Mean hinge over all triplets with a mixture and one of its notes as the positive pair.

    For the positive pair (mixture i, its note j), everything else is a negative:

                     note 0 0  note 0 1  note 1 0  ...  mix 0  mix 1  ...
        anchor mix 0     +         -         -             .      -
        (positive: note 0 0)

    and once more with anchor and positive swapped, against the same negatives. Notes of the
    anchor's own mixture are both positive and negative of it, as in the paper: with S stems and B
    mixtures the loss cannot fall below (S - 1) / (B S + B - 2) of the margin's share.

    Args:
        mixtures: One raw embedding per mixture, (B, D).
        notes: A note of each of its instruments, (B, S, D).
        margin: In L2 distance between raw embeddings.

    Returns:
        A scalar: the mean over 2 B S (B S + B - 2) triplets (792 for B = 6, S = 3).
    """
    batch, stems, _ = notes.shape
    sounds = torch.cat([notes.flatten(0, 1), mixtures])  # (BS + B, D)
    n_notes = batch * stems
    distances = torch.cdist(sounds, sounds, compute_mode="donot_use_mm_for_euclid_dist")
    note = torch.arange(n_notes, device=sounds.device)
    mixture = n_notes + note // stems
    positive = distances[mixture, note].unsqueeze(1)  # (BS, 1)
    negative = torch.ones(n_notes, len(sounds), dtype=torch.bool, device=sounds.device)
    negative[note, note] = False
    negative[note, mixture] = False
    hinges = [
        (positive - distances[anchor] + margin).clamp_min(0)[negative] for anchor in (mixture, note)
    ]
    return torch.cat(hinges).mean()
