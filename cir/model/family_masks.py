"""Each family's share in the energy of a mixture of any length."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from cir.model.conv_ast.family_head import CELL
from cir.model.conv_ast.network import ConvAst
from cir.model.windows import window_starts

_BATCH_SIZE = 16


@torch.inference_mode()
def share_out(network: ConvAst, audio: Tensor) -> Tensor:
    """Listen to windows that overlap by half, and average what they say of each cell.

    Args:
        network: One with families, in evaluation mode.
        audio: Waveform at 16 kHz, (T,).

    Returns:
        Shares of each family and of others, from 0 to 1, (families + 1, frames, bands), of as many
        frames as cover the sound.
    """
    config = network.config
    cell_samples = CELL * config.bands.hop_samples
    n_window = config.mixture_frames // CELL
    n_cells = max(n_window, -(-len(audio) // cell_samples))
    padded = pad(audio, (0, n_cells * cell_samples - len(audio)))
    starts = window_starts(n_cells, n_window)
    n_samples = n_window * cell_samples
    windows = torch.stack([padded[n * cell_samples :][:n_samples] for n in starts])
    shares = torch.cat(
        [network.share_out(network.features(part)) for part in torch.split(windows, _BATCH_SIZE)]
    ).float()  # (windows, families + 1, cells along time, along frequency)
    total = shares.new_zeros(shares.shape[1], n_cells, shares.shape[3])
    counts = shares.new_zeros(n_cells, 1)
    for start, share in zip(starts, shares, strict=True):
        total[:, start : start + n_window] += share
        counts[start : start + n_window] += 1
    cells = (total / counts)[None]
    frames: Tensor = interpolate(cells, scale_factor=CELL, mode="bilinear")[0]
    return frames[:, : -(-len(audio) // config.bands.hop_samples)]
