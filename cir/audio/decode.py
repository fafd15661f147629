"""Decoding sound files to mono at one sample rate, as a stream with bounded time and memory."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import soundfile as sf
import soxr

from cir.audio.audible import is_audible
from cir.audio.downmix import Downmix, fold
from cir.audio.ffmpeg import DECODING_ERRORS, open_ffmpeg
from cir.audio.formats import READABLE
from cir.audio.limits import MAX_SAMPLES, check_sample_rate, silent, too_long, too_many_samples
from cir.audio.ogg import read_layout
from cir.audio.sndfile import open_ogg
from cir.audio.sources import Source
from cir.errors import InputError
from cir.types import FloatArray

_AT_ONCE = BoundedSemaphore(2)
"""Limits how many files are decoded at the same time."""

_LEAST_BYTES_PER_SECOND = 1_000
"""Least bit rate of any codec: a file with less is cut off, and shorter than its header says."""


@dataclass(frozen=True)
class Decoded:
    """A sound from a file."""

    audio: FloatArray
    """(T,), at the file's own level."""
    sample_rate: int
    notice: str = ""
    """Sentences for the user on what could not be read."""


def decode(file: Path, sample_rate: int | None, max_seconds: float) -> Decoded:
    """Decode a sound file to mono by its content, whatever its name. Equal files decode equally.

    Args:
        file: An existing file that is not empty.
        sample_rate: Rate in Hz to resample to; None keeps the file's own.
        max_seconds: Longer files are refused, by their header or while decoding.

    Raises:
        InputError: The file is not a sound file, is silent or too long, or has too many samples.
    """
    with _AT_ONCE:
        try:
            with _open(file) as source:
                _check_header(source, file, max_seconds)
                return _read(source, file.name, sample_rate, max_seconds)
        except (*DECODING_ERRORS, sf.LibsndfileError, OSError):
            raise InputError(
                f"{file.name} cannot be read as sound: it is damaged or no audio file; "
                f"give {READABLE}."
            ) from None


def _open(file: Path) -> AbstractContextManager[Source]:
    layout = read_layout(file)
    return open_ogg(file, layout) if layout.links else open_ffmpeg(file)


def _check_header(source: Source, file: Path, max_seconds: float) -> None:
    seconds = source.seconds
    if seconds is None or file.stat().st_size < _LEAST_BYTES_PER_SECOND * seconds:
        return
    if seconds > max_seconds:
        raise too_long(file.name, seconds, max_seconds)
    if seconds * source.sample_rate * source.channels > MAX_SAMPLES:
        raise too_many_samples(file.name)


def _read(source: Source, name: str, sample_rate: int | None, max_seconds: float) -> Decoded:
    target = check_sample_rate(source.sample_rate if sample_rate is None else sample_rate)
    parts: list[FloatArray] = []
    mono: _Mono | None = None
    seconds, n_samples, is_heard = 0.0, 0, False
    for block in source.blocks():
        rate = check_sample_rate(block.sample_rate)
        seconds += len(block.samples) / rate
        n_samples += block.samples.size
        if seconds > max_seconds + 1 / rate:  # whatever the header says
            raise too_long(name, seconds, max_seconds)
        if n_samples > MAX_SAMPLES:
            raise too_many_samples(name)
        samples = fold(block.samples)
        # Before resampling, which turns the ends of an offset into clicks.
        is_heard = is_heard or any(is_audible(one, rate) for one in samples.T)
        kind = (rate, samples.shape[1])
        if mono is None or mono.kind != kind:  # joined files may differ in rate and channels
            parts += [] if mono is None else [mono.end()]
            mono = _Mono(kind, target)
        parts.append(mono.add(samples))
    parts += [] if mono is None else [mono.end()]
    audio = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if audio.size and not is_heard and np.isfinite(audio).all():
        raise silent(f"{name}: The sound")
    return Decoded(audio, target, " ".join(source.complaints(seconds)))


class _Mono:
    """Resamples and mixes down a stream of one rate and number of channels."""

    def __init__(self, kind: tuple[int, int], target: int) -> None:
        self.kind = kind
        rate, n_channels = kind
        is_there = rate == target
        self._resampler = None if is_there else soxr.ResampleStream(rate, target, n_channels)
        self._downmix = Downmix(target)

    def add(self, samples: FloatArray, *, last: bool = False) -> FloatArray:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        return self._downmix.add(samples, last=last)

    def end(self) -> FloatArray:
        return self.add(np.zeros((0, self.kind[1]), np.float32), last=True)
