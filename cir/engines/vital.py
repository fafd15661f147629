"""Vital presets (.vital), played by the package vita.

vita is GPL 3 and therefore optional; it is imported when the first preset is opened.

A preset whose oscillators start at a random phase would sound different every time. So that the
same notes always give the same sound, every note is played by a fresh synthesizer with those phases
at zero: in a used one, oscillators and effects go on from the phases that they had reached. A
preset loaded anew is silent, though: no tail of an earlier note is left.
"""

import importlib
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cir.audio.dsp import resample
from cir.engines.base import MAX_PRESET_BYTES, check_request, mix_in
from cir.errors import EngineError
from cir.schema import parse_json
from cir.text import clean
from cir.types import FloatArray, Note

RENDER_RATE = 48_000
"""Hz. Effects and filters depend on the rate, so all sounds are made at this one and resampled."""

EFFECTS = (
    "chorus",
    "compressor",
    "delay",
    "distortion",
    "eq",
    "filter_fx",
    "flanger",
    "phaser",
    "reverb",
)
"""Vital's effects; `NAME_on` switches one on."""


@dataclass(frozen=True)
class VitalPreset:
    """Fields of a preset that are read here."""

    settings: dict[str, Any]
    preset_style: Any = ""
    author: Any = ""

    def __post_init__(self) -> None:
        for name in ("preset_style", "author"):
            object.__setattr__(self, name, clean(str(getattr(self, name) or "")))


def read_preset(text: str | bytes, name: str) -> VitalPreset:
    """Read and check the JSON of a preset; the parser of Vital checks nothing.

    Args:
        text: What a .vital file holds.
        name: What errors call it.

    Raises:
        EngineError: It is no preset.
    """
    try:
        return parse_json(text, VitalPreset, name, error=EngineError, extra="ignore")
    except EngineError:
        raise _unreadable(name) from None


class VitalEngine:
    """One preset of Vital; an `Engine`. Notes are rendered one by one, so each has its own effects.

    Args:
        path: A .vital file.

    Raises:
        EngineError: Vita or the file is missing, or Vital cannot read the file.
    """

    def __init__(self, path: str | Path) -> None:
        file = Path(path)
        import_vita()
        if not file.is_file():
            raise EngineError(f"There is no Vital preset {file}; give a .vital file.")
        try:
            if file.stat().st_size > MAX_PRESET_BYTES:
                raise EngineError(f"{file} is too large for a Vital preset (over 64 MiB).")
            preset = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise _unreadable(str(file)) from None
        self._open(preset, str(file))

    @classmethod
    def from_text(cls, preset: str, name: str, *, one_synth: bool = False) -> "VitalEngine":
        """Open a preset that is no file.

        Args:
            preset: What a .vital file holds.
            name: What errors call it.
            one_synth: Play all notes by one synthesizer, which is three times as fast. The phases
                at which a note starts then depend on the notes before it, so it is the same
                sequence that gives the same sounds.

        Raises:
            EngineError: Vita is missing, or Vital cannot read the preset.
        """
        engine = cls.__new__(cls)
        engine._open(preset, name, one_synth)
        return engine

    @property
    def has_effects(self) -> bool:
        """Whether any effect of the preset is switched on."""
        return any(self._settings.get(f"{name}_on") == 1.0 for name in EFFECTS)

    def without_effects(self) -> "VitalEngine":
        """The same preset with all effects switched off."""
        document = json.loads(self._preset)
        document["settings"].update({f"{name}_on": 0.0 for name in EFFECTS})
        return VitalEngine.from_text(
            json.dumps(document), f"{self.name} without effects", one_synth=self._one_synth
        )

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
            synth = self._silent_synth()
            stereo = synth.render(
                note.pitch, note.velocity / 127.0, held, seconds + 2.0 / RENDER_RATE
            )
            if self._one_synth:
                self._unused.append(self._load(synth))
            mono = np.asarray(stereo, dtype=np.float32).mean(axis=0)
            mix_in(track, resample(mono, RENDER_RATE, sample_rate), start)
        if not np.isfinite(track).all():
            raise EngineError(f"Vital produced NaN or infinite samples with {self.name}.")
        return track

    def _open(self, preset: str, name: str, one_synth: bool = False) -> None:
        self.name = name
        self._one_synth = one_synth
        self._preset = preset
        self._settings = read_preset(preset, name).settings
        self._vita = import_vita()
        self._unused: deque[Any] = deque([self._new_synth()])

    def _silent_synth(self) -> Any:
        """Return a synthesizer that holds the preset and is not in use."""
        try:
            return self._unused.popleft()
        except IndexError:
            return self._new_synth()

    def _new_synth(self) -> Any:
        synth = self._vita.Synth()
        synth.set_sample_rate(RENDER_RATE)
        return self._load(synth)

    def _load(self, synth: Any) -> Any:
        try:
            is_loaded = synth.load_json(self._preset)
        except (RuntimeError, ValueError, TypeError):
            is_loaded = False
        if not is_loaded:
            raise _unreadable(self.name)
        for name, control in synth.get_controls().items():
            if name.endswith("random_phase"):
                control.set(0.0)
        return synth


def _unreadable(name: str) -> EngineError:
    return EngineError(
        f"{name} is no preset that this version of Vital can read; give an undamaged .vital file."
    )


def import_vita() -> Any:
    """Import Vital's synthesizer.

    Raises:
        EngineError: It is not installed.
    """
    try:
        return importlib.import_module("vita")
    except ImportError:
        raise EngineError(
            "Vital presets need the package vita (GPL 3); run `pip install vita`."
        ) from None
