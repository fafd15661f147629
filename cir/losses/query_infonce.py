"""InfoNCE between a mixture's queries and single notes of the instruments that they are for."""

from torch import Tensor

from cir.losses.pair_infonce import PAPER_TEMPERATURE, pair_infonce


def query_infonce(
    queries: Tensor,
    notes: Tensor,
    temperature: Tensor | float = PAPER_TEMPERATURE,
) -> Tensor:
    """Each query of a mixture picks the note of its instrument, and the note its query.

    Ours: where a mixture has one embedding per family, a query has exactly one positive, and the
    other instruments of its own mixture are plain negatives.

                      n0  n1  n2  n3
        mix 0 query 0  +   -   -   -
        mix 0 query 1  -   +   -   -       + positive   - negative
        mix 1 query 0  -   -   +   -
        mix 1 query 1  -   -   -   +

    Args:
        queries: The answers of the queries whose instrument plays, raw, (K, D).
        notes: A note of each of these instruments, in the same order, raw, (K, D).
        temperature: Divides the cosines; a tensor where it is learned.

    Returns:
        Mean of the two cross-entropies, a scalar.
    """
    return pair_infonce(queries, notes, temperature)
