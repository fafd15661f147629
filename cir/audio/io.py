"""Reading and writing sound files, and checking sound that comes from outside.

Whatever passes `load_audio` or `check_audio` is mono float32, finite, audible, not too long.
"""

import importlib
import shutil
import subprocess
from numbers import Integral
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import ArrayLike, NDArray

from cir.audio.dsp import resample
from cir.audio.ogg import fix_serial
from cir.errors import InputError
from cir.files import replacing
from cir.types import FloatArray

__all__ = ["check_audio", "load_audio", "resample", "save_opus", "save_wav"]

MAX_SECONDS = 1200.0
"""Longest sound that is read, unless the caller says otherwise."""

SILENT_PEAK = 1e-4
"""A sound is silent where no sample reaches this: -80 dB re full scale."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 384_000
_MAX_CHANNELS = 8
_BLOCK_FRAMES = 1 << 18
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_READABLE = "wav, flac, ogg, opus, mp3 or aiff"

_FFMPEG_DEMUXERS = {
    ".m4a": "mov",
    ".mp4": "mov",
    ".mov": "mov",
    ".aac": "aac",
    ".webm": "matroska",
    ".mkv": "matroska",
    ".wma": "asf",
}
"""What needs FFmpeg; a named demuxer keeps a disguised playlist from fetching other files."""


def load_audio(
    path: str | Path, *, sample_rate: int | None = 16_000, max_seconds: float = MAX_SECONDS
) -> tuple[FloatArray, int]:
    """Decode a sound file to mono.

    The length is read from the header first, and decoding goes block by block: a file of ten hours
    costs neither its time nor its memory.

    Args:
        path: wav, flac, ogg, opus, mp3 or aiff; m4a, aac, mp4 and webm where FFmpeg is installed.
        sample_rate: resample to this rate in Hz; None keeps the file's own.
        max_seconds: longer files are refused.

    Returns:
        The waveform, (T,), in the file's own level, and its sample rate.

    Raises:
        InputError: there is no such file, it is empty, too long, silent, damaged or not audio.
    """
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"{file} {what}; give a sound file ({_READABLE}).")
    if file.stat().st_size == 0:
        raise InputError(f"{file.name} is empty (0 bytes); give a sound file ({_READABLE}).")
    if file.suffix.lower() in _FFMPEG_DEMUXERS:
        audio, rate = _decode_with_ffmpeg(file, max_seconds)
    else:
        audio, rate = _decode(file, sample_rate, max_seconds)
    try:
        audio = check_audio(audio, rate, max_seconds=max_seconds)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from None
    if sample_rate is not None and rate != sample_rate:
        audio, rate = resample(audio, rate, sample_rate), sample_rate
    return audio, rate


def check_audio(
    audio: ArrayLike, sample_rate: int, *, max_seconds: float | None = MAX_SECONDS
) -> FloatArray:
    """Turn what a caller hands over into mono float32, or say what is wrong with it.

    Args:
        audio: (T,), (T, channels) or (channels, T), floats or 8, 16 or 32 bit integers. Channels
            are averaged; integers are scaled to [-1, 1]; floats keep their level.
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
    mono = _to_mono(_to_float(samples))
    if mono.size == 0:
        raise InputError("The sound is empty (0 samples); give at least a fraction of a second.")
    if max_seconds is not None and mono.size > max_seconds * rate:
        raise InputError(_too_long("The sound", mono.size / rate, max_seconds))
    if not np.isfinite(mono).all():
        raise InputError("The sound contains NaN or infinite samples; give finite numbers.")
    if float(np.max(np.abs(mono))) < SILENT_PEAK:
        raise InputError(
            "The sound is silent (below -80 dB throughout); give one that can be heard."
        )
    return mono


def check_sample_rate(sample_rate: int) -> int:
    """Return a sample rate in Hz as a plain int.

    Raises:
        InputError: it is no whole number from 1 000 to 384 000.
    """
    whole = isinstance(sample_rate, Integral) and not isinstance(sample_rate, bool)
    if not whole or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise InputError(
            f"The sample rate must be a whole number of hertz from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE}, not {sample_rate!r}."
        )
    return int(sample_rate)


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


def _decode(file: Path, sample_rate: int | None, max_seconds: float) -> tuple[FloatArray, int]:
    """Decode with libsndfile, averaging and resampling block by block."""
    try:
        with sf.SoundFile(file) as sound:
            rate = check_sample_rate(sound.samplerate)
            if sound.frames > max_seconds * rate:
                raise InputError(_too_long(file.name, sound.frames / rate, max_seconds))
            target = rate if sample_rate is None else check_sample_rate(sample_rate)
            stream = soxr.ResampleStream(rate, target, 1, quality="HQ") if rate != target else None
            parts: list[FloatArray] = []
            budget = int(max_seconds * rate) + 1  # headers lie
            for block in sound.blocks(_BLOCK_FRAMES, dtype="float32", always_2d=True):
                mono = block.mean(axis=1, dtype=np.float64).astype(np.float32)
                budget -= mono.size
                if budget < 0:
                    raise InputError(_too_long(file.name, max_seconds, max_seconds))
                parts.append(mono if stream is None else stream.resample_chunk(mono))
            if stream is not None:
                parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    except (RuntimeError, OSError, TypeError, ValueError):
        raise InputError(
            f"{file.name} cannot be read as sound: it is damaged or no audio file; "
            f"give {_READABLE}."
        ) from None
    return np.concatenate(parts) if parts else np.zeros(0, np.float32), target


def _decode_with_ffmpeg(file: Path, max_seconds: float) -> tuple[FloatArray, int]:
    """Decode to 48 kHz mono with the ffmpeg on the path, or the one that imageio-ffmpeg brings."""
    program = _ffmpeg()
    if program is None:
        raise InputError(
            f"{file.name} needs FFmpeg to be read; install it (apt install ffmpeg) "
            f"or convert the file to {_READABLE}."
        )
    rate = 48_000
    command = [program, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"]
    command += ["-f", _FFMPEG_DEMUXERS[file.suffix.lower()], "-i", f"file:{file.resolve()}"]
    command += ["-map", "0:a:0", "-t", f"{max_seconds + 1:.3f}"]
    command += ["-ac", "1", "-ar", str(rate), "-f", "f32le", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
    if done.returncode != 0 or not done.stdout:
        raise InputError(
            f"{file.name} cannot be read as sound: it is damaged or holds no audio track; "
            f"give {_READABLE}."
        )
    audio = np.frombuffer(done.stdout, dtype="<f4").astype(np.float32)
    if audio.size > max_seconds * rate:
        raise InputError(_too_long(file.name, audio.size / rate, max_seconds))
    return audio, rate


def _ffmpeg() -> str | None:
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        imageio_ffmpeg = importlib.import_module("imageio_ffmpeg")
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def _to_float(samples: NDArray[np.generic]) -> NDArray[np.floating]:
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind == "f":
        return np.asarray(samples, dtype=np.float64)
    if kind == "i" and size <= 4:
        return np.asarray(samples, dtype=np.float64) / 2.0 ** (8 * size - 1)
    if kind == "u" and size == 1:
        return np.asarray(samples, dtype=np.float64) / 128.0 - 1.0
    raise InputError(
        f"The sound has samples of type {samples.dtype}; give floats in [-1, 1] "
        "or integers of 8, 16 or 32 bits."
    )


def _to_mono(samples: NDArray[np.floating]) -> FloatArray:
    if samples.ndim == 2:
        channel_axis = 1 if samples.shape[1] <= samples.shape[0] else 0
        if samples.size and samples.shape[channel_axis] > _MAX_CHANNELS:
            raise InputError(
                f"The sound has shape {samples.shape}; give (T,), (T, channels) or (channels, T) "
                f"with at most {_MAX_CHANNELS} channels."
            )
        with np.errstate(invalid="ignore"):
            samples = samples.mean(axis=channel_axis) if samples.size else samples.reshape(-1)
    if samples.ndim != 1:
        raise InputError(
            f"The sound has {samples.ndim} dimensions; give (T,), (T, channels) or (channels, T)."
        )
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(samples, dtype=np.float32)


def _too_long(what: str, seconds: float, max_seconds: float) -> str:
    return (
        f"{what} is {_minutes(seconds)} long; at most {_minutes(max_seconds)} are allowed: "
        "cut out the passage of interest."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} seconds"
