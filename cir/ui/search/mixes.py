"""The visitor's mix: checked, kept and drawn; and the loudness of sounds that are compared."""

import os
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from cir.audio.decode import Decoded
from cir.audio.formats import PLAYABLE_KINDS, playable_kind
from cir.audio.io import load_with_notice, save_opus
from cir.audio.loudness import integrated_loudness
from cir.errors import InputError
from cir.types import SAMPLE_RATE, FloatArray

MAX_SECONDS = 600.0
"""Longest mix that the page accepts; the library accepts longer ones."""

SHORTEST_SECONDS = 0.5
"""Shortest passage that can be searched."""

N_PEAKS = 480
"""Resolution of the drawn waveform."""

_COPY_COMPRESSION = 0.8
"""About 55 kbit/s: 4 MB for the longest mix."""


@dataclass(frozen=True)
class Region:
    """A passage of a mix."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class LoadedMix:
    """A mix with what the page needs to search, play and draw it."""

    path: Path
    """The file that is searched."""
    name: str
    seconds: float
    peaks: tuple[float, ...]
    """Largest absolute sample of each of `N_PEAKS` equal parts, relative to the largest of all."""
    example: int | None = None
    """Index of the bundled example that it is."""
    copy: Path | None = None
    """A mono copy to play, if browsers do not play the file."""

    @property
    def heard(self) -> Path:
        """The file that the player plays."""
        return self.path if self.copy is None else self.copy


def load_mix(
    path: str | Path, example: int | None = None, *, folder: Path | None = None
) -> tuple[LoadedMix, Decoded]:
    """Read a mix; return it with its decoded sound, at 16 kHz.

    Args:
        path: Sound file.
        example: Index of the bundled example that it is.
        folder: Folder that keeps the file and its copy during the visit. None leaves the file where
            it is, with its copy beside it.

    Raises:
        InputError: It is not a sound, is silent, or is too long.
    """
    file = Path(path)
    decoded = load_with_notice(file, sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS)
    audio = decoded.audio
    kind = playable_kind(file)
    kept = file if folder is None else _keep(file, folder, kind)
    copy = None
    if kind is None:
        copy = kept.with_name(f"{kept.name}.opus")
        save_opus(copy, audio, SAMPLE_RATE, compression=_COPY_COMPRESSION)
    mix = LoadedMix(kept, file.name, len(audio) / SAMPLE_RATE, _peaks(audio), example, copy)
    return mix, decoded


def _keep(file: Path, folder: Path, kind: str | None) -> Path:
    """Keep an upload, which Gradio deletes later, under a suffix that fits its content."""
    folder.mkdir(parents=True, exist_ok=True)
    misnamed = kind is not None and file.suffix.lower() not in PLAYABLE_KINDS[kind]
    kept = folder / (f"{file.name}{kind}" if misnamed else file.name)
    kept.unlink(missing_ok=True)
    try:
        os.link(file, kept)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(file, kept)
    return kept


def _peaks(audio: FloatArray) -> tuple[float, ...]:
    parts = np.array_split(np.abs(audio), min(N_PEAKS, len(audio)))
    peaks = np.array([part.max() for part in parts])
    return tuple(np.round(peaks / peaks.max(), 3).tolist())


def cut(audio: FloatArray, region: Region | None) -> FloatArray:
    """Return a passage of a mix at 16 kHz; the whole mix for None.

    Raises:
        InputError: The passage is too short, or not within the mix.
    """
    if region is None:
        return audio
    start, end, seconds = region.start_seconds, region.end_seconds, len(audio) / SAMPLE_RATE
    # The form rounds to tenths of a second. NaN fails both comparisons.
    if not 0.0 <= start < seconds or not end <= seconds + 0.1:
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


@lru_cache(maxsize=4096)
def sound_level(path: Path) -> float | None:
    """Measure a preview or phrase in LUFS; None if the file cannot be read."""
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32")
    except (RuntimeError, OSError):
        return None
    return integrated_loudness(audio, sample_rate)
