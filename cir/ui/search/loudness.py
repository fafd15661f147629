"""Loudness of mixes and previews, so that both can be compared at one loudness."""

import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import soundfile

from cir.audio.io import load_audio
from cir.audio.loudness import LoudnessMeter, integrated_loudness
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray
from cir.ui.search.mixes import Region

_BLOCK_FRAMES = 1 << 16


@lru_cache(maxsize=4096)
def sound_level(path: Path) -> float | None:
    """Measure a preview or phrase in LUFS; None if the file cannot be read."""
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32")
    except (RuntimeError, OSError):
        return None
    return integrated_loudness(audio, sample_rate)


def mix_level(path: Path, region: Region | None) -> float | None:
    """Measure a passage of a mix in LUFS, at the file's own sample rate and channels, in blocks."""
    try:
        with soundfile.SoundFile(path) as sound:
            meter = LoudnessMeter(sound.samplerate)
            for block in _blocks(sound, region):
                meter.add(block)
        return meter.loudness()
    except (RuntimeError, OSError):  # a format that only FFmpeg reads
        return _level_of_mono(path, region)


def _blocks(sound: soundfile.SoundFile, region: Region | None) -> Iterator[FloatArray]:
    rate, left = sound.samplerate, sys.maxsize
    if region is not None:
        start = min(round(region.start_seconds * rate), sound.frames)
        left = max(0, round(region.end_seconds * rate) - start)
        sound.seek(start)
    while len(block := sound.read(min(left, _BLOCK_FRAMES), dtype="float32")):
        yield block
        left -= len(block)


def _level_of_mono(path: Path, region: Region | None) -> float | None:
    try:
        audio, rate = load_audio(path, sample_rate=SAMPLE_RATE)
    except InputError:
        return None
    if region is not None:
        audio = audio[round(region.start_seconds * rate) : round(region.end_seconds * rate)]
    return integrated_loudness(audio, rate)
