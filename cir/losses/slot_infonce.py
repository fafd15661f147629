"""InfoNCE between matched slots and single notes."""

from torch import Tensor

from cir.losses.pair_infonce import PAPER_TEMPERATURE
from cir.losses.query_infonce import query_infonce


def slot_infonce(
    slots: Tensor,
    notes: Tensor,
    owners: Tensor,
    matching: Tensor,
    temperature: Tensor | float = PAPER_TEMPERATURE,
) -> Tensor:
    """Each note picks the slot that it was matched with, and that slot the note.

                      n0  n1  n2
        mix 0 slot 1   +   -   -
        mix 0 slot 0   -   +   -       + positive   - negative
        mix 1 slot 2   -   -   +
        slots without a note take no part: `presence_loss` teaches them

    Args:
        slots: Answers of every mixture's slots, raw, (B, K, D).
        notes: A note of each instrument in the mixtures, raw, (M, D).
        owners: Index of each note's mixture, (M,).
        matching: The slot of each note, from `slot_matching`, (M,).
        temperature: Divides the cosines; a tensor where it is learned.

    Returns:
        Mean of the two cross-entropies, a scalar.
    """
    return query_infonce(slots[owners, matching], notes, temperature)
