"""Log-frequency levels of one clip, in numpy: what `ConvAst.features` computes in torch."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cir.audio.bands import (
    LOUDEST,
    NEPERS_PER_UNIT,
    PEAK,
    POWER_FLOOR,
    SOFTEST,
    BandConfig,
    Bank,
    make_banks,
)
from cir.types import FloatArray


def clip_levels(clip: FloatArray, config: BandConfig) -> FloatArray:
    """Compute the levels that an encoder reads.

    Args:
        clip: Waveform of any level at 16 kHz, float32, (T,).
        config: Of the bands.

    Returns:
        (T // hop_samples, n_bands), float32; the loudest cell is at `LOUDEST`, none is below
        `SOFTEST`.
    """
    peak = float(np.abs(clip).max())
    scaled = clip * np.float32(PEAK / max(peak, 1e-12)) if peak > 0 else clip
    parts = [_power(scaled, bank, config.hop_samples) for bank in make_banks(config)]
    power = np.concatenate(parts, axis=1)
    levels = np.log(np.maximum(power, np.float32(POWER_FLOOR))) / np.float32(NEPERS_PER_UNIT)
    shifted = levels - (levels.max() - np.float32(LOUDEST))
    return np.asarray(np.maximum(shifted, np.float32(SOFTEST)), np.float32)


def _power(clip: FloatArray, bank: Bank, hop_samples: int) -> FloatArray:
    """(T // hop_samples, bands of the bank)."""
    n_frames = len(clip) // hop_samples
    padded = np.pad(clip, bank.padding(hop_samples))
    frames = sliding_window_view(padded, len(bank.window))[::hop_samples][:n_frames]
    spectrum = np.fft.rfft(frames * bank.window)[:, bank.bins]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    filtered: FloatArray = power @ bank.filters
    return filtered
