"""Reading and writing sound files, and checking sounds of users.

Sounds of `load_audio` and `check_audio` are mono float32, finite, audible and not too long.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import soundfile as sf
from numpy.typing import ArrayLike, NDArray

from cir.audio.decode import Decoded, Source, decode
from cir.audio.downmix import downmix
from cir.audio.dsp import resample
from cir.audio.ffmpeg import DECODING_ERRORS, open_ffmpeg
from cir.audio.formats import READABLE
from cir.audio.limits import MAX_SECONDS, check_sample_rate, is_audible, silent, too_long
from cir.audio.ogg import open_ogg, read_layout
from cir.audio.opus import RATES, encode_opus
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

_AT_ONCE = BoundedSemaphore(2)
"""Limits how many files are decoded at the same time."""
_MAX_CHANNELS = 8
_LOWEST_RATE, _HIGHEST_RATE = 6_000, 250_000
"""Of Opus, in bits per second."""


def load_audio(
    path: str | Path, *, sample_rate: int | None = 16_000, max_seconds: float = MAX_SECONDS
) -> tuple[FloatArray, int]:
    """Decode a sound file to mono.

    Files that are too long are refused early, by their header or while decoding. At most two files
    are decoded at the same time.

    Args:
        path: A file of wav, flac, mp3, ogg, opus, aiff, m4a, aac, webm, caf and more, told by its
            content.
        sample_rate: Rate in Hz to resample to; None keeps the file's own.
        max_seconds: Longer files are refused.

    Returns:
        The waveform, (T,), at the file's own level, and its sample rate.

    Raises:
        InputError: The file does not exist, or is empty, too long, silent, damaged or not audio.
    """
    decoded = load_with_notice(path, sample_rate=sample_rate, max_seconds=max_seconds)
    return decoded.audio, decoded.sample_rate


def load_with_notice(
    path: str | Path, *, sample_rate: int | None = 16_000, max_seconds: float = MAX_SECONDS
) -> Decoded:
    """Decode a sound file as `load_audio` does, with a notice on what could not be read."""
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"{file} {what}; give a sound file ({READABLE}).")
    if file.stat().st_size == 0:
        raise InputError(f"{file.name} is empty (0 bytes); give a sound file ({READABLE}).")
    try:
        with _AT_ONCE, _open(file) as source:
            decoded = decode(source, file, sample_rate, max_seconds)
    except (*DECODING_ERRORS, sf.LibsndfileError, OSError):
        raise InputError(
            f"{file.name} cannot be read as sound: it is damaged or no audio file; give {READABLE}."
        ) from None
    try:
        _check_mono(decoded.audio, decoded.sample_rate)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from None
    return decoded


def _open(file: Path) -> AbstractContextManager[Source]:
    layout = read_layout(file)
    return open_ogg(file, layout) if layout.links else open_ffmpeg(file)


def check_audio(
    audio: ArrayLike, sample_rate: int, *, max_seconds: float | None = MAX_SECONDS
) -> FloatArray:
    """Check a sound and convert it to mono float32.

    Args:
        audio: (T,), (T, channels) or (channels, T), floats or integers of 8, 16 or 32 bits.
            Channels are mixed down (`cir.audio.downmix`); integers are scaled to [-1, 1].
        sample_rate: In Hz.
        max_seconds: Longer sounds are refused; None for no limit.

    Returns:
        The waveform, (T,), finite, neither empty nor silent.

    Raises:
        InputError: The sound is empty, silent, too long, not finite, or not a waveform.
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
        path: Target file; missing folders are created.
        audio: (T,) or (T, channels).
        sample_rate: In Hz.
    """
    with replacing(path) as temporary:
        sf.write(temporary, np.clip(audio, -1.0, 1.0), sample_rate, format="WAV", subtype="PCM_16")


def save_opus(
    path: str | Path,
    audio: FloatArray,
    sample_rate: int,
    *,
    compression: float = 0.9,
    frame_ms: int = 20,
) -> None:
    """Write Ogg Opus atomically; samples beyond [-1, 1] are clipped.

    Equal sounds give equal bytes, with the same build of Opus.

    Args:
        path: Target file; missing folders are created.
        audio: Mono, (T,).
        sample_rate: In Hz; rates that Opus does not support are resampled to 48 kHz.
        compression: From 0 (about 250 kbit/s) to 1 (6 kbit/s); 0.9 is about 30 kbit/s.
        frame_ms: Length of a packet; 60 takes less room at low rates.
    """
    if sample_rate not in RATES:
        audio, sample_rate = resample(audio, sample_rate, 48_000), 48_000
    clipped = np.clip(audio, -1.0, 1.0)
    rate = round(_LOWEST_RATE + (1.0 - compression) * (_HIGHEST_RATE - _LOWEST_RATE))
    with replacing(path) as temporary:
        temporary.write_bytes(encode_opus(clipped, sample_rate, rate))


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
