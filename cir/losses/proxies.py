"""Instruments of the training set as learned points of the space."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from cir.losses.similarity import cosine_similarities


def proxy_cross_entropy(
    embeddings: Tensor,
    proxies: Tensor,
    instruments: Tensor,
    temperature: Tensor | float = 0.05,
) -> Tensor:
    """Each embedding picks its instrument's proxy among those of all training instruments.

    The paper's strongest single-source encoder classifies training instruments; with unit-norm
    class weights that is InfoNCE with learned keys, whose negatives are the whole training set.

                              p0  p1  p2  ...  pK
        sound of instrument 0  +   -   -        -
        sound of instrument 2  -   -   +        -       + positive   - negative
        ...

    Args:
        embeddings: Of notes, or of a mixture's family queries, raw, (N, D).
        proxies: One per training instrument, (K, D).
        instruments: Index of each embedding's instrument, (N,).
        temperature: Divides the cosines.

    Returns:
        Mean cross-entropy, a scalar.
    """
    return cross_entropy(cosine_similarities(embeddings, proxies) / temperature, instruments)
