"""InfoNCE between mixtures and single notes of the instruments in them."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from cir.losses.similarity import cosine_similarities
from cir.losses.temperature import PAPER_TEMPERATURE


def mix_infonce(
    mixtures: Tensor,
    notes: Tensor,
    owners: Tensor,
    temperature: Tensor | float = PAPER_TEMPERATURE,
) -> Tensor:
    """Each note picks its own mixture among the batch's mixtures (the paper's InfoNCE).

            m0  m1  m2
        n0   +   -   -
        n1   +   -   -
        n2   -   +   -       + positive   - negative
        ...

    Args:
        mixtures: One raw embedding per mixture, (B, D).
        notes: A note of each instrument in them, raw, (K, D).
        owners: Index of each note's mixture, (K,).
        temperature: Divides the cosines; a tensor if it is learned.

    Returns:
        Mean cross-entropy over the notes, a scalar.
    """
    return cross_entropy(cosine_similarities(notes, mixtures) / temperature, owners)
