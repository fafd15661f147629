"""The visitor's mix: read once when it arrives, to draw it and to say at once what is wrong."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.audio.io import load_audio, save_opus
from cir.errors import InputError
from cir.retrieval.windows import SAMPLE_RATE
from cir.types import FloatArray
from cir.ui.search.browser_formats import PLAYABLE_KINDS, playable_kind

MAX_SECONDS = 600.0
"""Longest mix that the page takes; the library takes longer ones."""

SHORTEST_SECONDS = 0.5
"""Shortest passage that can be searched."""

N_PEAKS = 480
"""How finely a waveform is drawn."""

_COPY_COMPRESSION = 0.8
"""About 55 kbit/s: 4 MB for the longest mix."""


@dataclass(frozen=True)
class Region:
    """A passage of a mix."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class LoadedMix:
    """A mix that can be read, heard and drawn."""

    path: Path
    """The visitor's own file, which is searched."""
    name: str
    seconds: float
    peaks: tuple[float, ...]
    """Largest absolute sample of each of `N_PEAKS` equal parts, 1 being the largest of all."""
    example: int | None = None
    """Which of the bundled examples it is, from 0."""
    copy: Path | None = None
    """What the player gets where browsers do not play the file: what the model hears of it."""

    @property
    def heard(self) -> Path:
        """What the player gets."""
        return self.path if self.copy is None else self.copy


def load_mix(
    path: str | Path, example: int | None = None, *, folder: Path | None = None
) -> LoadedMix:
    """Read a mix.

    Args:
        path: any sound file.
        example: which of the bundled examples it is.
        folder: keeps the file for as long as the visit lasts, and the copy for the player; without
            one the file stays where it is, and a copy is put beside it.

    Raises:
        InputError: it is no sound, silent, or too long.
    """
    file = Path(path)
    audio, _ = load_audio(file, sample_rate=SAMPLE_RATE, max_seconds=MAX_SECONDS)
    kind = playable_kind(file)
    kept = file if folder is None else _keep(file, folder, kind)
    copy = None
    if kind is None:
        copy = kept.with_name(f"{kept.name}.opus")
        save_opus(copy, audio, SAMPLE_RATE, compression=_COPY_COMPRESSION)
    return LoadedMix(kept, file.name, len(audio) / SAMPLE_RATE, _peaks(audio), example, copy)


def _keep(file: Path, folder: Path, kind: str | None) -> Path:
    """Keep an upload, which itself goes after a while; named so that browsers know what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    misnamed = kind is not None and file.suffix.lower() not in PLAYABLE_KINDS[kind]
    kept = folder / (f"{file.name}{kind}" if misnamed else file.name)
    kept.unlink(missing_ok=True)
    try:
        os.link(file, kept)
    except OSError:  # no links there, or between these two
        shutil.copyfile(file, kept)
    return kept


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
