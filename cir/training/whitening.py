"""Whitening: directions in which embeddings of one instrument scatter count less in a cosine.

Within-class covariance normalisation, Hatch et al. 2006, "Within-class covariance normalization for
SVM-based speaker recognition", for two kinds of embeddings and shrunk towards the identity.
"""

import torch
from torch import Tensor

_NOTE_SHARE = 0.25
_SHRINKAGE = 1.5
"""Weight of the identity, beside a scatter of mean variance 1. From 1 to 5 changes little."""


def whitening(of_answers: Tensor, of_notes: Tensor) -> Tensor:
    """Return the inverse square root of the shrunk scatter.

    Args:
        of_answers: Differences of answers from the embeddings of their instruments, (N, E).
        of_notes: Differences between notes of one instrument, (M, E); M may be 0.

    Returns:
        Symmetric, of double precision, (E, E).
    """
    scatter = _scatter(of_answers)
    if len(of_notes):
        scatter = (1 - _NOTE_SHARE) * scatter + _NOTE_SHARE * _scatter(of_notes)
    scatter += _SHRINKAGE * torch.eye(len(scatter), dtype=scatter.dtype, device=scatter.device)
    variances, directions = torch.linalg.eigh(scatter)
    matrix: Tensor = directions * variances.rsqrt() @ directions.T
    return matrix


def _scatter(differences: Tensor) -> Tensor:
    """Return second moments (E, E), of mean variance 1."""
    differences = differences.double()
    moments = differences.T @ differences
    return moments / moments.diagonal().mean().clamp_min(1e-12)
