"""The contract of engines, and what they share to keep it.

An engine plays one instrument. One test, `tests/test_engines.py`, holds all to the contract.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cir.audio.io import MAX_SECONDS, check_sample_rate
from cir.errors import EngineError, InputError
from cir.types import FloatArray, Note

FADE_SECONDS = 0.01
"""Length of the linear fade where a recording is cut at its note's end."""
MAX_PRESET_BYTES = 64 << 20


@dataclass(frozen=True)
class PresetInfo:
    """What a file says of one of its presets."""

    name: str
    reference: str = ""
    """Which one of the file, what stands behind `#` in an engine reference; empty: its only one."""
    family: str | None = None
    """Read from the preset's own category; names and folders are for the caller to read."""
    category: str = ""
    author: str = ""
    licence: str = ""
    remark: str = ""
    """What is missing of its sound."""


class Engine(Protocol):
    """Plays the notes of one instrument."""

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """Render notes to a mono waveform.

        The same notes always give the same sound. It is exactly zero before the first note and,
        without notes, throughout. Notes that start after the end are left out, those that end
        after it are cut.

        Args:
            notes: In any order; they may overlap.
            duration_seconds: Length of the result, at most 20 minutes.
            sample_rate: In Hz.

        Returns:
            Finite samples, (round(duration_seconds * sample_rate),), at the instrument's own
            level, which may exceed 1.

        Raises:
            InputError: A note, the duration or the sample rate is out of range.
            EngineError: The engine is not installed, or cannot play this instrument.
        """


def check_request(
    notes: Sequence[Note], duration_seconds: float, sample_rate: int
) -> tuple[list[Note], FloatArray]:
    """Validate what is asked of an engine.

    Returns:
        The notes that start before the end, by start, and the silence to render them into.

    Raises:
        InputError: A note, the duration or the sample rate is out of range.
    """
    rate = check_sample_rate(sample_rate)
    if not 0.0 < duration_seconds <= MAX_SECONDS:
        raise InputError(
            f"A render must last more than 0 and at most {MAX_SECONDS:.0f} seconds, "
            f"not {duration_seconds}."
        )
    for note in notes:
        _check_note(note)
    track = np.zeros(round(duration_seconds * rate), dtype=np.float32)
    playable = [note for note in notes if round(note.start_seconds * rate) < track.size]
    return sorted(playable, key=lambda note: (note.start_seconds, note.pitch)), track


def read_limited(path: Path, max_bytes: int) -> bytes:
    """Read a file that is not larger than a preset may be.

    Raises:
        EngineError: It is missing, cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise EngineError(f"{path} is too large for a preset (over {max_bytes >> 20} MiB).")
        return path.read_bytes()
    except FileNotFoundError:
        raise EngineError(f"There is no preset {path}; give a file that exists.") from None
    except OSError as error:
        raise EngineError(f"{path} cannot be read ({error.strerror}).") from None


def mix_in(track: FloatArray, sound: FloatArray, start: int) -> None:
    """Add a sound to a track in place from sample `start` on, cutting what lies past its end."""
    end = min(track.size, start + sound.size)
    track[start:end] += sound[: end - start]


def _check_note(note: Note) -> None:
    if not 0 <= note.pitch <= 127:
        raise InputError(f"Pitches are MIDI note numbers from 0 to 127, not {note.pitch}.")
    if not 1 <= note.velocity <= 127:
        raise InputError(f"Velocities are whole numbers from 1 to 127, not {note.velocity}.")
    if not (note.start_seconds >= 0.0 and math.isfinite(note.start_seconds)):
        raise InputError(f"A note starts at 0 seconds or later, not at {note.start_seconds}.")
    if not (note.duration_seconds > 0.0 and math.isfinite(note.duration_seconds)):
        raise InputError(f"A note lasts longer than 0 seconds, not {note.duration_seconds}.")
