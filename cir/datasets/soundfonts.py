"""The presets of sound fonts, and every piece of their drum kits, as instruments.

Sound fonts share samples: variants of a preset in another bank, drum kits that differ in their
snare only, fonts made of older ones. Of instruments that sound the same, one is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cir.audio.audible import SILENT_NOTE_PEAK
from cir.datasets.rendered import REFERENCE_VELOCITY, Playable, RenderedDataset, render_note
from cir.engines.soundfont import (
    DEFAULT_BANK,
    Preset,
    SoundFontBank,
    SoundFontEngine,
    find_default_bank,
)
from cir.errors import InputError
from cir.instruments.catalog import make_instrument_id
from cir.instruments.families import family_of_gm_program, reference_pitch
from cir.instruments.splits import split_instruments
from cir.types import FloatArray, Instrument, Note

DRUM_KEYS = range(35, 82)
"""General MIDI's percussion keys, from the acoustic bass drum to the open triangle."""

SAME_SOUND = 0.99
"""Correlation of the first seconds. In Fluid's kits, pieces are above it or below 0.98."""

_LISTENED_SECONDS = 1.0
_HELD_SECONDS = 0.5


def open_soundfonts(paths: Sequence[str | Path], *, seed: int = 0) -> RenderedDataset:
    """Open sound fonts as one dataset; of instruments that sound the same, the first is kept.

    General MIDI programs are divided into train, valid and test, not presets: all variants of a
    program, in any bank and font, are in one split. So are the variants of one piece of one kind of
    drum kit. The presets of a font that is not General MIDI are divided one by one.

    Args:
        paths: .sf2 and .sf3 files; `TimGM6mb.sf2` is the bundled one.
        seed: Seed of the split and the drawn notes.

    Raises:
        InputError: No path is given, or two fonts have the same name (raised when instruments are
            listed).
        EngineError: A file or tinysoundfont is missing, or a file is not a sound font (raised when
            instruments are listed).
    """
    if not paths:
        raise InputError("Name at least one sound font, a .sf2 or .sf3 file.")
    files = [_locate(Path(path)) for path in paths]
    return RenderedDataset(
        make_instrument_id(*(file.stem for file in files)),
        files,
        lambda: _without_copies(list(_list_playables(files, seed))),
        seed,
    )


@dataclass(frozen=True)
class _Divided:
    """Instruments that are put into one split as a whole."""

    instrument_id: str
    family: str | None


def _list_playables(files: Sequence[Path], seed: int) -> Iterator[Playable]:
    split_of_program = _divide(
        {program: family_of_gm_program(program) for program in range(128)}, seed
    )
    split_of_piece = _divide(
        {1_000 * kind + key: "percussion" for kind in range(16) for key in DRUM_KEYS}, seed
    )
    for file in files:
        bank = SoundFontBank(file)
        rows = bank.instruments()
        own_splits = split_instruments(rows, seed=seed)
        for preset, row in zip(bank.presets, rows, strict=True):
            engine = partial(SoundFontEngine, bank, preset.bank, preset.program)
            if preset.is_drum_kit:
                for key in DRUM_KEYS:  # eight programs are variants of one kit: Standard, Room, ...
                    split = split_of_piece[1_000 * (preset.program // 8) + key]
                    yield Playable(_piece(preset, row, key), split, partial(engine, key), key)
            elif bank.is_general_midi:
                yield Playable(row, split_of_program[preset.program], engine)
            else:
                yield Playable(row, own_splits[row.instrument_id], engine)


def _divide(families: dict[int, str | None], seed: int) -> dict[int, str]:
    units = [_Divided(str(number), family) for number, family in families.items()]
    splits = split_instruments(units, seed=seed)
    return {number: splits[str(number)] for number in families}


def _piece(preset: Preset, kit: Instrument, key: int) -> Instrument:
    reference = kit.engine.rpartition("/")[0]
    return replace(
        kit,
        instrument_id=make_instrument_id(kit.instrument_id, key),
        name=f"{preset.name} kit, key {key}",
        engine=f"{reference}/{key}",
    )


def _without_copies(playables: Sequence[Playable]) -> list[Playable]:
    """Leave out instruments that are silent or sound like an earlier one that is kept."""
    sounds = [_listen(playable) for playable in playables]
    sounding = [i for i, sound in enumerate(sounds) if sound is not None]
    if not sounding:
        return []
    heard = np.stack([sound for sound in sounds if sound is not None])
    is_same = heard @ heard.T > SAME_SOUND  # (N, N)
    kept: list[int] = []
    for i in range(len(sounding)):
        if not is_same[i, kept].any():
            kept.append(i)
    return [playables[sounding[i]] for i in kept]


def _listen(playable: Playable) -> FloatArray | None:
    """Return the first second of the reference note, of unit energy; None if it is silent."""
    pitch = reference_pitch(playable.instrument.family) if playable.key is None else playable.key
    note = Note(pitch, REFERENCE_VELOCITY, 0.0, _HELD_SECONDS)
    sound = render_note(playable.open(), note, _LISTENED_SECONDS)
    if not np.isfinite(sound).all() or np.max(np.abs(sound)) < SILENT_NOTE_PEAK:
        return None
    return np.asarray(sound / np.linalg.norm(sound), np.float32)


def _locate(path: Path) -> Path:
    return find_default_bank() if str(path) == DEFAULT_BANK and not path.is_file() else path
