"""Which family each spot of a mixture's spectrogram belongs to."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def stem_shares(logits: Tensor, shares: Tensor) -> Tensor:
    """Each cell of the spectrogram says how its energy is shared out among the families.

    A mixture has hundreds of cells and three instruments: this teaches an encoder to tell apart
    what plays together far sooner than one positive for each query does. Ideal ratio masks, as
    they are known from source separation, seen as class probabilities.

                        percussion  bass  lead
        cell, high band     .9       .0    .1
        cell, low band      .2       .8    .0       each row sums to 1

    Args:
        logits: Of the families, (C, F).
        shares: Of each cell's energy, (C, F); cells where nothing sounds are left out before.

    Returns:
        Mean cross-entropy, a scalar; 0 where there is no cell.
    """
    if not len(logits):
        return logits.sum()
    return cross_entropy(logits, shares)
