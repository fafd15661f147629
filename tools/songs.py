"""Rendering of song passages for the examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.audio.dsp import fade_out
from cir.datasets.midi_files import Part, read_parts
from cir.engines.bank_sampler import BankSamplerEngine
from cir.engines.base import Engine
from cir.engines.soundfont import SoundFontBank, SoundFontEngine
from cir.errors import DataError
from cir.instruments.note_bank import BankInstrument, NoteBank
from cir.types import SAMPLE_RATE, FloatArray, Note
from cir.ui.search.examples import ExamplePart

RECORDED_FAMILIES = frozenset({"bass", "guitar", "piano", "synth_lead", "synth_pad"})
"""Families that recorded instruments of the test split play; others are General MIDI programs."""

_FEWEST_NOTES = 3
_SHORTEST_SECONDS = 0.05
_PEAK = 0.99
_FADE_SECONDS = 0.4
_LOUDNESS_DB = {"bass": 0.0, "synth_lead": -2.0, "piano": -2.0, "synth_effects": -8.0}
_OTHER_LOUDNESS_DB = -4.0
_FRAME_SAMPLES = SAMPLE_RATE // 20
_SOUNDING_DB = -30.0
"""Frames below this, relative to the loudest, do not count for a stem's loudness."""


@dataclass(frozen=True)
class Song:
    """A passage of a MIDI file and its author."""

    file: str
    title: str
    author: str
    start_seconds: float
    seconds: float
    recorded: bool = True
    """Whether recorded instruments play the families of `RECORDED_FAMILIES`."""


@dataclass(frozen=True)
class SongMix:
    """A rendered passage."""

    mix: FloatArray
    """(T,), at 16 kHz, peak 0.99."""
    stems: FloatArray
    """(S, T); they sum to the mix."""
    parts: tuple[ExamplePart, ...]
    """Instrument of each stem."""


def render_song(song: Song, folder: Path, bank: NoteBank, seed: int) -> SongMix:
    """Render a passage; drums and sound effects are left out.

    Args:
        song: The passage.
        folder: Folder of the MIDI file.
        bank: Note bank whose test split plays `RECORDED_FAMILIES`.
        seed: Seed of the instruments.

    Raises:
        DataError: The file cannot be read, or the test split has no instrument for a part.
        EngineError: The sound font is not installed.
    """
    generator = np.random.default_rng(seed)
    font = SoundFontBank()
    programs = {
        preset.program: row
        for preset, row in zip(font.presets, font.instruments(), strict=True)
        if preset.bank == 0
    }
    taken: set[str] = set()
    parts, stems = [], []
    for part in _passage(read_parts(folder / song.file), song):
        family = str(part.family)
        engine: Engine
        if song.recorded and family in RECORDED_FAMILIES:
            row = _draw(generator, bank, part, taken)
            name, engine = row.instrument_id, BankSamplerEngine(bank, row.instrument_id)
        else:
            name = programs[part.program].instrument_id
            engine = SoundFontEngine(font, 0, part.program)
        taken.add(name)
        parts.append(ExamplePart(family, name))
        stems.append(_at_level(engine.render(part.notes, song.seconds, SAMPLE_RATE), family))
    faded = np.stack([fade_out(stem, round(_FADE_SECONDS * SAMPLE_RATE)) for stem in stems])
    faded *= np.float32(_PEAK) / np.abs(faded.sum(0)).max()
    return SongMix(faded.sum(0), faded, tuple(parts))


def _passage(parts: Sequence[Part], song: Song) -> list[Part]:
    """Cut out a passage; tracks of the same program are joined, without doubled notes."""
    by_program: dict[int, dict[tuple[int, float], Note]] = {}
    for part in parts:
        for note in part.notes:
            start = max(0.0, note.start_seconds - song.start_seconds)
            end = note.start_seconds + note.duration_seconds - song.start_seconds
            seconds = min(end, song.seconds) - start
            if part.family is not None and seconds >= _SHORTEST_SECONDS:
                heard = Note(note.pitch, note.velocity, start, seconds)
                by_program.setdefault(part.program, {})[note.pitch, round(start, 2)] = heard
    return [
        Part(program, tuple(notes.values()))
        for program, notes in by_program.items()
        if len(notes) >= _FEWEST_NOTES
    ]


def _draw(
    generator: np.random.Generator, bank: NoteBank, part: Part, taken: set[str]
) -> BankInstrument:
    """Draw an unused instrument of the test split, polyphonic if the part has chords."""
    chords = _has_chords(part.notes)
    choice = [
        row
        for row in bank.instruments
        if row.split == "test"
        and row.family == part.family
        and row.instrument_id not in taken
        and not (chords and row.is_monophonic)
    ]
    if not choice:
        raise DataError(f"The test split of {bank.folder} has no {part.family} for this song.")
    return choice[int(generator.integers(len(choice)))]


def _has_chords(notes: Sequence[Note]) -> bool:
    starts = [round(note.start_seconds, 2) for note in notes]
    return len(set(starts)) < len(starts)


def _at_level(stem: FloatArray, family: str) -> FloatArray:
    """Bring the sounding frames of a stem to the level of its family."""
    frames = stem[: stem.size // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES)
    powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
    if not powers.any():
        raise DataError(f"The {family} of this song stays silent.")
    sounding = powers[powers >= powers.max() * 10 ** (_SOUNDING_DB / 10)]
    wanted = 10 ** (_LOUDNESS_DB.get(family, _OTHER_LOUDNESS_DB) / 20)
    return stem * np.float32(wanted / np.sqrt(sounding.mean()))
