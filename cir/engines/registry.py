"""From the engine column of the catalogue, `scheme:reference`, to an engine."""

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cir.engines.base import Engine
from cir.engines.note_bank import NoteBankEngine
from cir.engines.sample_folder import SampleFolderEngine
from cir.engines.soundfont import DEFAULT_BANK, SoundFontBank, SoundFontEngine, find_default_bank
from cir.engines.surge import SurgeEngine
from cir.engines.vital import VitalEngine
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
    | `bank:FOLDER#INSTRUMENT_ID` | an instrument of a note bank |
    | `samples:FOLDER` | a folder of one-shots |

    and what `register_engine` was told of. Sound fonts and note banks stay open for the next
    instrument of theirs.

    Args:
        reference: as above.
        folder: what relative paths start from; None for the working directory.

    Raises:
        InputError: the reference is malformed or its scheme unknown.
        DataError: its note bank is missing or damaged.
        EngineError: the engine is not installed, or its file missing or damaged.
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
        scheme: what references to them begin with: a lower-case word. The same scheme again
            replaces its opener.
        opener: gets what follows the colon, and the folder that relative paths start from.

    Raises:
        InputError: the scheme is no such word, or one of the built-in ones.
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


def _open_note_bank(reference: str, folder: Path) -> Engine:
    path_text, instrument_id = _split_fragment(reference, "bank:FOLDER#INSTRUMENT_ID")
    path = folder / path_text
    return NoteBankEngine(_open_note_bank_folder(path, _modified(path)), instrument_id)


_OPENERS: dict[str, Callable[[str, Path], Engine]] = {
    "soundfont": _open_soundfont,
    "vital": lambda reference, folder: VitalEngine(folder / reference),
    "surge": lambda reference, folder: SurgeEngine(folder / reference),
    "bank": _open_note_bank,
    "samples": lambda reference, folder: SampleFolderEngine(folder / reference),
}
_BUILT_IN = tuple(_OPENERS)


@lru_cache(maxsize=_KEPT_OPEN)
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
