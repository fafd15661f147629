"""The visitor's mix: read once when it arrives, to draw it and to say at once what is wrong."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio, save_wav
from cir.errors import InputError
from cir.types import FloatArray
from cir.windows import SAMPLE_RATE

MAX_SECONDS = 600.0
"""Longest mix that the page takes; the library takes longer ones."""

SHORTEST_SECONDS = 0.5
"""Shortest passage that can be searched."""

N_PEAKS = 480
"""How finely a waveform is drawn."""

_PLAYABLE = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".mp4", ".aac", ".webm"}
"""What browsers play; the rest gets a copy that they do."""


@dataclass(frozen=True)
class Region:
    """A passage of a mix."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class LoadedMix:
    """A mix that can be read, heard and drawn."""

    path: Path
    """The file, or a copy of it in a format that browsers play."""
    name: str
    seconds: float
    peaks: tuple[float, ...]
    """Largest absolute sample of each of `N_PEAKS` equal parts, 1 being the largest of all."""
    example: int | None = None
    """Which of the bundled examples it is, from 0."""


def load_mix(path: str | Path, example: int | None = None) -> LoadedMix:
    """Read a mix.

    Raises:
        InputError: it is no sound, silent, or too long.
    """
    file = Path(path)
    audio, _ = load_audio(file, sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS)
    playable = file
    if file.suffix.lower() not in _PLAYABLE:
        playable = file.with_suffix(".wav")
        save_wav(playable, *load_audio(file, sample_rate=None, max_seconds=MAX_SECONDS))
    return LoadedMix(playable, file.name, len(audio) / SAMPLE_RATE, _peaks(audio), example)


def _peaks(audio: FloatArray) -> tuple[float, ...]:
    parts = np.array_split(np.abs(audio), min(N_PEAKS, len(audio)))
    peaks = np.array([part.max() for part in parts])
    return tuple(np.round(peaks / peaks.max(), 3).tolist())


def cut(audio: FloatArray, region: Region | None) -> FloatArray:
    """Return a passage of a mix at 16 kHz; all of it where no passage is named.

    Raises:
        InputError: the passage is too short, or not within the mix.
    """
    if region is None:
        return audio
    start, end, seconds = region.start_seconds, region.end_seconds, len(audio) / SAMPLE_RATE
    # The ends are rounded where they are shown: a tenth of a second beyond the end is the end.
    if not 0.0 <= start < seconds or not end <= seconds + 0.1:  # one that is NaN is nowhere
        raise InputError(
            f"The passage from {start:g} to {end:g} s does not lie within this mix of "
            f"{seconds:.1f} s; choose another one."
        )
    shortest = min(SHORTEST_SECONDS, seconds)
    if min(end, seconds) - start < shortest:
        raise InputError(
            f"The passage from {start:g} to {end:g} s is too short; choose at least "
            f"{shortest:.1f} s."
        )
    return audio[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
