"""Opens the engine that the engine column of the catalogue names, `scheme:reference`."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from cir.engines.amsynth import AmsynthEngine
from cir.engines.base import Engine
from cir.engines.dx7 import Dx7Engine
from cir.engines.note_bank import NoteBankEngine
from cir.engines.plugin import open_plugin
from cir.engines.sample_folder import SampleFolderEngine
from cir.engines.sfz import SfzEngine
from cir.engines.soundfont import DEFAULT_BANK, SoundFontBank, SoundFontEngine, find_default_bank
from cir.engines.surge import SurgeEngine
from cir.engines.vital import VitalEngine
from cir.engines.zynaddsubfx import ZynAddSubFXEngine
from cir.errors import InputError
from cir.instruments.note_bank import NoteBank

_KEPT_OPEN = 4
_SCHEME = re.compile("[a-z][a-z0-9-]*")


def open_engine(reference: str, *, folder: str | Path | None = None) -> Engine:
    """Open the engine that a catalogue row names.

    | reference | plays |
    |---|---|
    | `soundfont:PATH#BANK/PROGRAM` | a preset; `TimGM6mb.sf2` is the bundled bank |
    | `soundfont:PATH#128/PROGRAM/KEY` | one key of a drum kit |
    | `vital:PATH` | a Vital preset |
    | `surge:PATH` | a Surge patch |
    | `dx7:PATH#NUMBER` | a voice of a DX7 cartridge, from 1 |
    | `zyn:PATH` | an instrument of ZynAddSubFX |
    | `amsynth:PATH#NUMBER` | a preset of an amsynth bank, from 1 |
    | `sfz:PATH` | an SFZ instrument |
    | `plugin:PLUGIN` | the initial sound of a plug-in; an LV2 one is named by its URI |
    | `plugin:PLUGIN#NUMBER` | one of its own programs, from 1 |
    | `plugin:PLUGIN?preset=PATH` | a preset file, .fxp or .vstpreset |
    | `bank:FOLDER#INSTRUMENT_ID` | an instrument of a note bank |
    | `samples:FOLDER` | a folder of one-shots |

    and the schemes of `register_engine`. Sound fonts and note banks stay open for the next
    instrument of theirs.

    Args:
        reference: As above.
        folder: Start of relative paths; None for the working directory.

    Raises:
        InputError: The reference is malformed or its scheme unknown.
        DataError: Its note bank is missing or damaged.
        EngineError: The engine is not installed, or its file missing or damaged.
    """
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in _OPENERS or not rest:
        raise InputError(
            f"Unknown engine reference {reference!r}; give scheme:reference, "
            f"with one of the schemes {', '.join(_OPENERS)}."
        )
    return _OPENERS[scheme](rest, Path(folder or "."))


def register_engine(scheme: str, opener: Callable[[str, Path], Engine]) -> None:
    """Let `open_engine` open engines of one's own, in this process.

    Args:
        scheme: Start of their references: a lower-case word. The same scheme again replaces its
            opener.
        opener: Gets what follows the colon, and the folder that relative paths start from.

    Raises:
        InputError: The scheme is no such word, or a built-in one.
    """
    if not _SCHEME.fullmatch(scheme):
        raise InputError(f"A scheme is a word of a to z, 0 to 9 and -, not {scheme!r}.")
    if scheme in _BUILT_IN:
        raise InputError(
            f"The scheme {scheme!r} is built in, as are {', '.join(_BUILT_IN)}; take another."
        )
    _OPENERS[scheme] = opener


def _open_soundfont(reference: str, folder: Path) -> Engine:
    path_text, numbers = _split_fragment(reference, "soundfont:PATH#BANK/PROGRAM or .../KEY")
    try:
        parsed = [int(part) for part in numbers.split("/")]
    except ValueError:
        parsed = []
    if not 2 <= len(parsed) <= 3:
        raise InputError(
            f"A sound font reference ends in #BANK/PROGRAM or #BANK/PROGRAM/KEY, not #{numbers}."
        )
    path = folder / path_text
    if path_text == DEFAULT_BANK and not path.is_file():
        path = find_default_bank()
    return SoundFontEngine(_open_soundfont_bank(path, _modified(path)), *parsed)


def _open_numbered(
    scheme: str, engine: Callable[[Path, int], Engine], reference: str, folder: Path
) -> Engine:
    shape = f"{scheme}:PATH#NUMBER"
    path, number = _split_fragment(reference, shape)
    if not number.isdecimal():
        raise InputError(f"{reference!r} ends in no number; its shape is {shape}.")
    return engine(folder / path, int(number))


def _open_note_bank(reference: str, folder: Path) -> Engine:
    path_text, instrument_id = _split_fragment(reference, "bank:FOLDER#INSTRUMENT_ID")
    path = folder / path_text
    return NoteBankEngine(_open_note_bank_folder(path, _modified(path)), instrument_id)


_OPENERS: dict[str, Callable[[str, Path], Engine]] = {
    "soundfont": _open_soundfont,
    "vital": lambda reference, folder: VitalEngine(folder / reference),
    "surge": lambda reference, folder: SurgeEngine(folder / reference),
    "dx7": partial(_open_numbered, "dx7", Dx7Engine),
    "zyn": lambda reference, folder: ZynAddSubFXEngine(folder / reference),
    "amsynth": partial(_open_numbered, "amsynth", AmsynthEngine),
    "sfz": lambda reference, folder: SfzEngine(folder / reference),
    "plugin": lambda reference, folder: open_plugin(reference),
    "bank": _open_note_bank,
    "samples": lambda reference, folder: SampleFolderEngine(folder / reference),
}
_BUILT_IN = tuple(_OPENERS)


@lru_cache(maxsize=1)  # they are large
def _open_soundfont_bank(path: Path, _modified: int) -> SoundFontBank:
    return SoundFontBank(path)


@lru_cache(maxsize=_KEPT_OPEN)
def _open_note_bank_folder(path: Path, _modified: int) -> NoteBank:
    return NoteBank.open(path)


def _modified(path: Path) -> int:
    """Return a time that changes with the file, so that a replaced one is opened anew."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _split_fragment(reference: str, shape: str) -> tuple[str, str]:
    path, mark, fragment = reference.rpartition("#")
    if not mark or not path or not fragment:
        raise InputError(f"{reference!r} is no complete reference; its shape is {shape}.")
    return path, fragment
