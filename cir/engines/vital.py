"""Vital presets (.vital), played by the package vita.

vita is GPL 3 and therefore optional; it is imported when the first preset is opened.

A preset whose oscillators start at a random phase would sound different every time. So that the
same notes always give the same sound, every note is played by a fresh synthesizer with those phases
at zero.
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
"""Hz. Effects and filters depend on the rate, so all sounds are made at this one and resampled."""

_MAX_PRESET_BYTES = 64 << 20


class VitalEngine:
    """One preset of Vital; an `Engine`. Notes are rendered one by one, so each has its own effects.

    Args:
        path: a .vital file.

    Raises:
        EngineError: vita or the file is missing, or Vital cannot read the file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._vita = _import_vita()
        if not self.path.is_file():
            raise EngineError(f"There is no Vital preset {self.path}; give a .vital file.")
        try:
            if self.path.stat().st_size > _MAX_PRESET_BYTES:
                raise EngineError(f"{self.path} is too large for a Vital preset (over 64 MiB).")
            self._preset = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise self._unreadable() from None
        self._new_synth()

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        playable, track = check_request(notes, duration_seconds, sample_rate)
        for note in playable:
            start = round(note.start_seconds * sample_rate)
            seconds = (track.size - start) / sample_rate
            held = min(note.duration_seconds, seconds)
            # A frame more than needed: vita rounds its length down.
            stereo = self._new_synth().render(
                note.pitch, note.velocity / 127.0, held, seconds + 2.0 / RENDER_RATE
            )
            mono = np.asarray(stereo, dtype=np.float32).mean(axis=0)
            mix_in(track, resample(mono, RENDER_RATE, sample_rate), start)
        if not np.isfinite(track).all():
            raise EngineError(f"Vital produced NaN or infinite samples with {self.path.name}.")
        return track

    def _new_synth(self) -> Any:
        synth = self._vita.Synth()
        synth.set_sample_rate(RENDER_RATE)
        if not synth.load_json(self._preset):
            raise self._unreadable()
        for name, control in synth.get_controls().items():
            if name.endswith("random_phase"):
                control.set(0.0)
        return synth

    def _unreadable(self) -> EngineError:
        return EngineError(
            f"{self.path} is no preset that this version of Vital can read; "
            "give an undamaged .vital file."
        )


def _import_vita() -> Any:
    try:
        return importlib.import_module("vita")
    except ImportError:
        raise EngineError(
            "Vital presets need the package vita (GPL 3); run `pip install vita`."
        ) from None
