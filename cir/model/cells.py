"""What an encoder's patches are made of: cells of the spectrogram, and whose energy is in them."""

import math

import torch
from torch import Tensor

from cir.audio.features import AUDIOSET_MEAN, AUDIOSET_STD, MEL_FLOOR, mel_power
from cir.model.config import CELLS_ALONG_PATCH, EncoderConfig

CELLS = CELLS_ALONG_PATCH**2
_SILENT = 1e-6
"""A cell 60 dB below the loudest of its mixture belongs to nobody."""
_SOFTEST_SHARE = 1e-6
_SECOND_LOOK = 0.5
"""Share of the patches that are looked at again: those where the family is loudest."""


def family_energies(
    stems: Tensor, owners: Tensor, families: Tensor, n_mixtures: int, config: EncoderConfig
) -> Tensor:
    """Energy of each family in each cell of each patch of each mixture.

    Args:
        stems: Waveforms, scaled as in their mixture, (S, T).
        owners: The mixture of each stem, (S,).
        families: The number of each stem's family among the encoder's, -1 for another, (S,).
        n_mixtures: B.
        config: Of the encoder whose patches these are.

    Returns:
        (B, patches, CELLS, families + 1), other families last; patches are in the AST's order.
    """
    # One at a time, on a processor: that fits into the cache.
    parts = torch.split(stems, 1 if stems.device.type == "cpu" else len(stems))
    with torch.autocast(stems.device.type, enabled=False):
        cells = torch.cat(
            [
                _cells(
                    mel_power(part, hop_samples=config.hop_samples, n_mels=config.n_mels), config
                )
                for part in parts
            ]
        )  # (S, patches, CELLS)
    n_families = len(config.families) + 1
    energies = cells.new_zeros(n_mixtures, n_families, *cells.shape[1:])
    energies.index_put_((owners, families % n_families), cells, accumulate=True)
    return energies.movedim(1, -1)


def audible_cells(energies: Tensor) -> Tensor:
    """Which cells hold more than next to nothing, (B, patches, CELLS); argument as above."""
    totals = energies.sum(-1)
    return totals > _SILENT * totals.amax((1, 2), keepdim=True).clamp_min(1e-12)


def second_look(features: Tensor, shares: Tensor, config: EncoderConfig) -> tuple[Tensor, Tensor]:
    """What is left of mixtures when only one family's share of each cell stays.

    Args:
        features: Log-mels, (N, F, n_mels).
        shares: Of one family in each cell, from 0 to 1, (N, patches, CELLS).
        config: Of the encoder whose patches these are.

    Returns:
        Log-mels as loud at their loudest as they were, (N, F, n_mels), and the numbers of the
        patches where the family is loudest, ascending, (N, K).
    """
    size = config.patch_size
    n_columns, n_bands = features.shape[1] // size, features.shape[2] // size
    grid = shares.view(-1, n_bands, n_columns, CELLS_ALONG_PATCH, CELLS_ALONG_PATCH)
    mask = grid.permute(0, 2, 4, 1, 3).flatten(3, 4).flatten(1, 2)  # (N, columns x 4, bands x 4)
    fine = size // CELLS_ALONG_PATCH
    mask = mask.repeat_interleave(fine, 1).repeat_interleave(fine, 2)
    masked = features + mask.clamp_min(_SOFTEST_SHARE).log() / (2 * AUDIOSET_STD)
    masked = masked + (features.amax((1, 2)) - masked.amax((1, 2)))[:, None, None]
    masked = masked.clamp_min((math.log(MEL_FLOOR) - AUDIOSET_MEAN) / (2 * AUDIOSET_STD))
    loudest = masked.view(-1, n_columns, size, n_bands, size).amax((2, 4))
    n_kept = max(1, round(_SECOND_LOOK * n_columns * n_bands))
    # A stable sort: where several are silent, the first of them stay, on every machine.
    levels = loudest.transpose(1, 2).flatten(1)
    order = torch.argsort(levels, dim=1, descending=True, stable=True)
    return masked, order[:, :n_kept].sort(1).values


def _cells(power: Tensor, config: EncoderConfig) -> Tensor:
    """Spectrograms (S, frames, n_mels) to the energies of their patches' cells."""
    size = config.patch_size
    patches = power.unfold(1, size, config.time_stride).unfold(2, size, config.frequency_stride)
    # (S, columns, bands, time, frequency) -> (S, bands x columns, frequency, time)
    patches = patches.permute(0, 2, 1, 4, 3).flatten(1, 2)
    fine = size // CELLS_ALONG_PATCH
    cells: Tensor = patches.reshape(
        *patches.shape[:2], CELLS_ALONG_PATCH, fine, CELLS_ALONG_PATCH, fine
    )
    return cells.mean((3, 5)).flatten(2)
