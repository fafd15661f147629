"""Reading and writing sound files, and checking sound that comes from outside.

Whatever passes `load_audio` or `check_audio` is mono float32, finite, audible, not too long.
"""

from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import ArrayLike, NDArray

from cir.audio.audible import is_audible
from cir.audio.decode import Decoded, decode
from cir.audio.downmix import downmix
from cir.audio.dsp import resample
from cir.audio.formats import READABLE
from cir.audio.limits import MAX_SECONDS, check_sample_rate, silent, too_long
from cir.audio.ogg import fix_serial
from cir.errors import InputError
from cir.files import replacing
from cir.types import FloatArray

__all__ = [
    "MAX_SECONDS",
    "check_audio",
    "check_sample_rate",
    "load_audio",
    "load_with_notice",
    "resample",
    "save_opus",
    "save_wav",
]

_MAX_CHANNELS = 8
_BLOCK_FRAMES = 1 << 18
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


def load_audio(
    path: str | Path, *, sample_rate: int | None = 16_000, max_seconds: float = MAX_SECONDS
) -> tuple[FloatArray, int]:
    """Decode a sound file to mono.

    The length is read from the header first, and decoding goes block by block: a file of ten hours
    costs neither its time nor its memory. At most two files are decoded at the same time.

    Args:
        path: wav, flac, mp3, ogg, opus, aiff, m4a, aac, webm, caf and more; what is in it counts,
            not its name.
        sample_rate: resample to this rate in Hz; None keeps the file's own.
        max_seconds: longer files are refused.

    Returns:
        The waveform, (T,), in the file's own level, and its sample rate.

    Raises:
        InputError: there is no such file, it is empty, too long, silent, damaged or not audio.
    """
    decoded = load_with_notice(path, sample_rate=sample_rate, max_seconds=max_seconds)
    return decoded.audio, decoded.sample_rate


def load_with_notice(
    path: str | Path, *, sample_rate: int | None = 16_000, max_seconds: float = MAX_SECONDS
) -> Decoded:
    """Decode a sound file to mono, and say what of it could not be read.

    Takes what `load_audio` takes, and raises what it raises.
    """
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"{file} {what}; give a sound file ({READABLE}).")
    if file.stat().st_size == 0:
        raise InputError(f"{file.name} is empty (0 bytes); give a sound file ({READABLE}).")
    decoded = decode(file, sample_rate, max_seconds)
    try:
        _check_mono(decoded.audio, decoded.sample_rate)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from None
    return decoded


def check_audio(
    audio: ArrayLike, sample_rate: int, *, max_seconds: float | None = MAX_SECONDS
) -> FloatArray:
    """Turn what a caller hands over into mono float32, or say what is wrong with it.

    Args:
        audio: (T,), (T, channels) or (channels, T), floats or 8, 16 or 32 bit integers. Channels
            are mixed down (`cir.audio.downmix`); integers are scaled to [-1, 1]; floats keep their
            level.
        sample_rate: in Hz.
        max_seconds: longer sounds are refused; None for no limit.

    Returns:
        The waveform, (T,), finite, neither empty nor silent.

    Raises:
        InputError: it is empty, silent, too long, not finite, or no waveform at all.
    """
    rate = check_sample_rate(sample_rate)
    try:
        samples = np.asarray(audio)
    except ValueError:
        raise InputError("The sound must be one array of numbers, not a ragged list.") from None
    length = max(samples.shape, default=0)
    if max_seconds is not None and length > max_seconds * rate:
        raise too_long("The sound", length / rate, max_seconds)
    mono = _to_mono(_to_float(samples), rate)
    _check_mono(mono, rate)
    return mono


def _check_mono(audio: FloatArray, sample_rate: int) -> None:
    if audio.size == 0:
        raise InputError("The sound is empty (0 samples); give at least a fraction of a second.")
    if not np.isfinite(audio).all():
        raise InputError("The sound contains NaN or infinite samples; give finite numbers.")
    if not is_audible(audio, sample_rate):
        raise silent("The sound")


def save_wav(path: str | Path, audio: FloatArray, sample_rate: int) -> None:
    """Write 16-bit WAV atomically; samples beyond [-1, 1] are clipped.

    Args:
        path: the target; missing folders are made.
        audio: (T,), or (T, channels).
        sample_rate: in Hz.
    """
    with replacing(path) as temporary:
        sf.write(temporary, np.clip(audio, -1.0, 1.0), sample_rate, format="WAV", subtype="PCM_16")


def save_opus(
    path: str | Path, audio: FloatArray, sample_rate: int, *, compression: float = 0.9
) -> None:
    """Write Ogg Opus atomically; samples beyond [-1, 1] are clipped.

    The same sound gives the same bytes, with the same build of Opus.

    Args:
        path: the target; missing folders are made.
        audio: mono, (T,).
        sample_rate: in Hz; rates that Opus does not know are resampled to 48 kHz.
        compression: from 0 (about 250 kbit/s) to 1 (6 kbit/s); 0.9 is about 30 kbit/s.
    """
    if sample_rate not in _OPUS_RATES:
        audio, sample_rate = resample(audio, sample_rate, 48_000), 48_000
    clipped = np.clip(audio, -1.0, 1.0)
    with replacing(path) as temporary:
        with sf.SoundFile(
            temporary,
            "w",
            sample_rate,
            channels=1,
            format="OGG",
            subtype="OPUS",
            compression_level=compression,
        ) as sound:
            for start in range(0, clipped.size, _BLOCK_FRAMES):
                sound.write(clipped[start : start + _BLOCK_FRAMES])
        fix_serial(temporary)


def _to_float(samples: NDArray[np.generic]) -> FloatArray:
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(samples, dtype=np.float32)
    if kind == "i" and size <= 4:
        return np.asarray(samples, dtype=np.float32) / np.float32(2 ** (8 * size - 1))
    if kind == "u" and size == 1:
        return np.asarray(samples, dtype=np.float32) / np.float32(128) - np.float32(1)
    raise InputError(
        f"The sound has samples of type {samples.dtype}; give floats in [-1, 1] "
        "or integers of 8, 16 or 32 bits."
    )


def _to_mono(samples: FloatArray, sample_rate: int) -> FloatArray:
    if samples.ndim == 2:
        if samples.shape[1] > samples.shape[0]:
            samples = samples.T
        if samples.shape[1] > _MAX_CHANNELS:
            raise InputError(
                f"The sound has shape {samples.shape}; give (T,), (T, channels) or (channels, T) "
                f"with at most {_MAX_CHANNELS} channels."
            )
        samples = downmix(samples, sample_rate) if samples.size else samples.reshape(-1)
    if samples.ndim != 1:
        raise InputError(
            f"The sound has {samples.ndim} dimensions; give (T,), (T, channels) or (channels, T)."
        )
    return np.ascontiguousarray(samples)
