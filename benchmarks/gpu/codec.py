"""Levels as few bytes: steps of fixed size, differences along time and bands, Huffman codes.

Half a step, a quarter of a decibel, is lost, and nothing else. Bands follow one another, so that
codes fit each band; matches are not looked for: levels never repeat, and looking costs bytes.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from cir.audio.bands import LEVEL_FLOOR

STEPS = 64
"""To a unit of level: one is 0.54 dB. All levels from the floor to 1 fit into a byte."""
_LARGEST = 255


def last_frames(levels: NDArray[np.float16], steps: int = STEPS) -> NDArray[np.int64]:
    """How many frames of each clip, (N, frames, bands), hold all that is not silent, (N,)."""
    sounds: NDArray[np.bool_] = np.any(levels > LEVEL_FLOOR + 0.5 / steps, axis=-1)  # (N, frames)
    after = sounds[:, ::-1].argmax(1)
    return np.where(np.any(sounds, axis=1), sounds.shape[1] - after, 0)


def encode(
    levels: NDArray[np.float16], frames: NDArray[np.int64], steps: int = STEPS
) -> NDArray[np.uint8]:
    """Code the first `frames` of each clip.

    Args:
        levels: From `LEVEL_FLOOR` up, (N, frames, bands).
        frames: To keep of each clip, (N,).
        steps: To a unit of level.

    Returns:
        Bytes, (n,).
    """
    kept = np.arange(levels.shape[1]) < frames[:, None]
    scaled = (levels[kept].astype(np.float32) - LEVEL_FLOOR) * steps  # (all frames, bands)
    numbers = scaled.round().clip(0, _LARGEST).astype(np.uint8).T
    for axis in (0, 1):
        numbers = np.diff(numbers, axis=axis, prepend=np.uint8(0))  # modulo 256
    coder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    coded = coder.compress(np.ascontiguousarray(numbers).tobytes()) + coder.flush()
    return np.frombuffer(coded, np.uint8)


def decode(
    coded: NDArray[np.uint8], frames: NDArray[np.int64], shape: tuple[int, int], steps: int
) -> NDArray[np.float16]:
    """Undo `encode`; what was not kept is silent.

    Args:
        coded: What it gave.
        frames: What it was given.
        shape: Frames and bands of a clip.
        steps: As it was given.

    Raises:
        zlib.error, ValueError: The bytes are damaged.
    """
    n_frames, n_bands = shape
    plain = np.frombuffer(zlib.decompress(coded.tobytes(), -zlib.MAX_WBITS), np.uint8)
    numbers = plain.reshape(n_bands, int(frames.sum()))
    for axis in (1, 0):
        numbers = np.add.accumulate(numbers, axis=axis, dtype=np.uint8)
    values = (np.arange(_LARGEST + 1) / steps + LEVEL_FLOOR).astype(np.float16)
    levels = np.full((len(frames), n_frames, n_bands), values[0])
    levels[np.arange(n_frames) < frames[:, None]] = values[numbers.T]
    return levels
