"""Surge patches (.fxp), played by surgepy where it is installed.

surgepy is on no package registry: people build it from the sources of Surge XT (GPL 3).
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cir.audio.dsp import resample
from cir.engines.base import check_request, mix_in
from cir.errors import EngineError
from cir.types import FloatArray, Note

RENDER_RATE = 48_000
"""Hz. surgepy has one sample rate per process, so all sounds are made at this one and resampled."""

BLOCK_FRAMES = 32
ALL_EFFECTS_OFF = 3
"""Value of the parameter `fx_bypass` that bypasses sends, inserts and master effects."""

_CHANNEL = 0


class SurgeEngine:
    """One patch of Surge; an `Engine`.

    Every render makes a fresh synthesizer, since a used one changes levels by up to 48 dB. Notes
    after the first start on blocks of 32 frames and all notes end on them, at most a third of a
    millisecond off.

    Args:
        path: An .fxp file.
        effects: False bypasses all effects of the patch.

    Raises:
        EngineError: Surgepy or the file is missing.
    """

    def __init__(self, path: str | Path, *, effects: bool = True) -> None:
        self.path = Path(path)
        self.effects = effects
        self._surgepy = import_surgepy()
        if not self.path.is_file():
            raise EngineError(f"There is no Surge patch {self.path}; give an .fxp file.")

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        if not playable:
            return track
        first = round(playable[0].start_seconds * sample_rate)
        seconds = (track.size - first) / sample_rate
        n_blocks = _to_blocks(seconds) + 1
        events = _schedule(playable, origin_seconds=playable[0].start_seconds)

        synth = self._new_synth()
        buffer = synth.createMultiBlock(n_blocks)
        position = 0
        for block, is_on, pitch, velocity in events:
            if block >= n_blocks:
                break
            if block > position:
                synth.processMultiBlock(buffer, position, block - position)
                position = block
            if is_on:
                synth.playNote(_CHANNEL, pitch, velocity, 0)
            else:
                synth.releaseNote(_CHANNEL, pitch, 0)
        synth.processMultiBlock(buffer, position, n_blocks - position)

        mono = np.asarray(buffer, dtype=np.float32).mean(axis=0)
        if not np.isfinite(mono).all():
            raise EngineError(f"Surge produced NaN or infinite samples with {self.path.name}.")
        mix_in(track, resample(mono, RENDER_RATE, sample_rate), first)
        return track

    def _new_synth(self) -> Any:
        synth = self._surgepy.createSurge(RENDER_RATE)
        try:
            loaded = synth.loadPatch(str(self.path))
        except (RuntimeError, ValueError):
            loaded = False
        if not loaded:
            raise EngineError(
                f"{self.path} is no patch that Surge can read; give an undamaged .fxp file."
            )
        if not self.effects:
            synth.setParamVal(synth.getPatch()["fx_bypass"], ALL_EFFECTS_OFF)
        return synth


def _schedule(notes: Sequence[Note], *, origin_seconds: float) -> list[tuple[int, int, int, int]]:
    """Return (block, 0 off or 1 on, pitch, velocity) in the order to be played, offs before ons."""
    events = []
    for note in notes:
        start = _to_blocks(note.start_seconds - origin_seconds)
        end = _to_blocks(note.start_seconds - origin_seconds + note.duration_seconds)
        events.append((start, 1, note.pitch, note.velocity))
        events.append((max(end, start + 1), 0, note.pitch, 0))
    return sorted(events)


def _to_blocks(seconds: float) -> int:
    return round(seconds * RENDER_RATE / BLOCK_FRAMES)


def import_surgepy() -> Any:
    """Import Surge's synthesizer.

    Raises:
        EngineError: It is not installed.
    """
    try:
        return importlib.import_module("surgepy")
    except ImportError:
        raise EngineError(
            "Surge patches need surgepy, which is on no package registry; build it from the "
            "sources of Surge XT (pip install ./surge/src/surge-python)."
        ) from None
