"""SoundFont banks (.sf2, .sf3), played by TinySoundFont without any audio device.

A drum kit (bank 128) has a different drum on every key. It counts as one instrument of the family
percussion that always plays one key, its acoustic snare.
"""

import importlib
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cir.engines.base import check_request
from cir.engines.soundfont_info import read_info
from cir.errors import EngineError, InputError
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import family_of_gm_program, gm_group
from cir.text import clean
from cir.types import FloatArray, Instrument, Note

DEFAULT_BANK = "TimGM6mb.sf2"
"""The General MIDI bank that the PyPI package pretty_midi carries."""

DRUM_BANK = 128
SNARE_KEY = 38

_MAX_VOICES = 256
_MIN_GM_PROGRAMS = 64
"""A bank with fewer programs is no General MIDI set: its numbers say nothing about families."""

_LISTING_RATE = 48_000  # the rate that most sounds are rendered at: a font is read once per rate

_FLUSH_SECONDS = 0.05
"""TinySoundFont fades voices that are stopped for 10 ms, and then on to the end of a block."""


@dataclass(frozen=True)
class Preset:
    """One preset of a sound font."""

    bank: int
    """0..128; 128 holds drum kits."""
    program: int
    """0..127."""
    name: str

    @property
    def is_drum_kit(self) -> bool:
        """Whether every key is another drum."""
        return self.bank == DRUM_BANK


class SoundFontBank:
    """A sound font in memory. Safe to share between threads.

    Args:
        path: A .sf2 or .sf3 file; None for the bundled General MIDI bank, TimGM6mb.

    Raises:
        EngineError: Tinysoundfont or the file is missing, or the file is no sound font.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = find_default_bank() if path is None else Path(path)
        self._tinysoundfont = import_tinysoundfont()
        if not self.path.is_file():
            raise EngineError(f"There is no sound font {self.path}; give a .sf2 or .sf3 file.")
        self._lock = threading.Lock()
        self._synths: dict[int, tuple[Any, int]] = {}
        self._info = read_info(self.path)
        self.presets = self._list_presets()
        """All presets, by bank and program."""

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def is_general_midi(self) -> bool:
        """Whether its programs mean what General MIDI says; known by their number."""
        return sum(preset.bank == 0 for preset in self.presets) >= _MIN_GM_PROGRAMS

    def instruments(self) -> tuple[Instrument, ...]:
        """List every preset as an instrument, drum kits by their snare."""
        author, licence = self._credits()
        return tuple(
            self._describe(preset, author=author, licence=licence) for preset in self.presets
        )

    def render(
        self,
        preset: Preset,
        notes: Sequence[Note],
        duration_seconds: float,
        sample_rate: int,
        *,
        key: int | None = None,
    ) -> FloatArray:
        """Play notes on a preset; see `Engine.render`.

        Args:
            preset: One of `presets`.
            notes: What to play.
            duration_seconds: Length of the result.
            sample_rate: In Hz.
            key: Played instead of every note's pitch, as drum kits need.
        """
        playable, track = check_request(notes, duration_seconds, sample_rate)
        events: list[tuple[int, int, int, int]] = []  # (frame, 0 off or 1 on, key, velocity)
        for note in playable:
            pressed = note.pitch if key is None else key
            start = round(note.start_seconds * sample_rate)
            end = round((note.start_seconds + note.duration_seconds) * sample_rate)
            events.append((start, 1, pressed, note.velocity))
            events.append((max(end, start + 1), 0, pressed, 0))
        with self._lock:
            synth, font = self._synth(sample_rate)
            synth.program_select(0, font, preset.bank, preset.program, preset.is_drum_kit)
            position = 0
            for frame, is_on, pressed, velocity in sorted(events):
                if frame >= track.size:
                    break
                _generate(synth, track[position:frame])
                position = frame
                if is_on:
                    synth.noteon(0, pressed, velocity)
                else:
                    synth.noteoff(0, pressed)
            if events:
                _generate(synth, track[position:])
            synth.sounds_off()
            _generate(synth, np.zeros(round(_FLUSH_SECONDS * sample_rate), np.float32))
        return track

    def _synth(self, sample_rate: int) -> tuple[Any, int]:
        """Return the synthesizer for a sample rate, and the number of the bank in it."""
        if sample_rate not in self._synths:
            synth = self._tinysoundfont.Synth(samplerate=sample_rate)
            try:
                font = synth.sfload(str(self.path), max_voices=_MAX_VOICES)
            except (RuntimeError, OSError):
                raise EngineError(
                    f"{self.path} is no sound font that TinySoundFont can read; "
                    "give an undamaged .sf2 or .sf3 file."
                ) from None
            self._synths[sample_rate] = (synth, font)
        return self._synths[sample_rate]

    def _list_presets(self) -> tuple[Preset, ...]:
        synth, font = self._synth(_LISTING_RATE)
        presets = []
        for bank in range(DRUM_BANK + 1):
            for program in range(128):
                try:
                    name = synth.sfpreset_name(font, bank, program)
                except UnicodeDecodeError:  # the file's own bytes tell more
                    name = ""
                if name is not None:
                    name = self._info.names.get((bank, program)) or clean(name)
                    presets.append(Preset(bank, program, name))
        return tuple(presets)

    def _credits(self) -> tuple[str, str]:
        if self.path.name == DEFAULT_BANK:  # the file itself does not say
            return "Tim Brechbill", "GPL-2.0"
        return self._info.author, self._info.licence

    def _describe(self, preset: Preset, *, author: str, licence: str) -> Instrument:
        name = preset.name or f"Preset {preset.bank}/{preset.program}"
        reference = f"{preset.bank}/{preset.program}"
        family: str | None = None
        category = f"Bank {preset.bank}"
        if preset.is_drum_kit:
            family, category = "percussion", "Drum kits"
            name, reference = f"{name} kit, snare", f"{reference}/{SNARE_KEY}"
        elif self.is_general_midi:
            family, category = family_of_gm_program(preset.program), gm_group(preset.program)
        # The bundled bank lies elsewhere on every machine: its name alone refers to it.
        file = DEFAULT_BANK if self.path.name == DEFAULT_BANK else str(self.path.resolve())
        return Instrument(
            instrument_id=make_instrument_id(
                self.name, f"{preset.bank:03d}", f"{preset.program:03d}", preset.name
            ),
            name=name,
            family=family,
            category=category,
            bank=self.name,
            author=author,
            licence=licence,
            source="soundfont",
            engine=f"soundfont:{file}#{reference}",
        )


class SoundFontEngine:
    """One preset of a sound font; an `Engine`.

    Args:
        bank: The sound font.
        number: Its bank number, 0..128.
        program: Its program number, 0..127.
        key: Played instead of every note's pitch; drum kits play their snare where it is None.

    Raises:
        EngineError: The sound font has no such preset.
        InputError: `key` is no MIDI note number.
    """

    def __init__(
        self, bank: SoundFontBank, number: int, program: int, key: int | None = None
    ) -> None:
        if key is not None and not 0 <= key <= 127:
            raise InputError(f"Keys are MIDI note numbers from 0 to 127, not {key}.")
        found = [p for p in bank.presets if (p.bank, p.program) == (number, program)]
        if not found:
            raise EngineError(
                f"{bank.name} has no preset {number}/{program}; "
                f"it has {len(bank.presets)}, listed by SoundFontBank.presets."
            )
        self.bank = bank
        self.preset = found[0]
        self.key = SNARE_KEY if key is None and self.preset.is_drum_kit else key

    def render(
        self, notes: Sequence[Note], duration_seconds: float, sample_rate: int
    ) -> FloatArray:
        """See `Engine.render`."""
        return self.bank.render(self.preset, notes, duration_seconds, sample_rate, key=self.key)


def find_default_bank() -> Path:
    """Return the General MIDI bank inside the installed package pretty_midi, without importing it.

    Raises:
        EngineError: Pretty_midi is not installed, or lacks the file.
    """
    spec = importlib.util.find_spec("pretty_midi")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(folder) / DEFAULT_BANK).is_file():
            return Path(folder) / DEFAULT_BANK
    raise EngineError(
        f"{DEFAULT_BANK} comes with the package pretty_midi, which is not installed; "
        "run `pip install pretty_midi` or name another sound font."
    )


def import_tinysoundfont() -> Any:
    """Import the player of sound fonts.

    Raises:
        EngineError: It is not installed.
    """
    try:
        return importlib.import_module("tinysoundfont")
    except ImportError:
        raise EngineError(
            "Sound fonts need the package tinysoundfont; run "
            "`pip install --no-deps tinysoundfont` (its dependency pyaudio is not used)."
        ) from None


def _generate(synth: Any, out: FloatArray) -> None:
    """Fill `out` with what a synthesizer plays next, as mono."""
    if out.size:
        stereo = np.frombuffer(synth.generate_simple(out.size), dtype=np.float32)
        np.add(stereo[::2], stereo[1::2], out=out)
        out /= 2
