"""An instrument of a database plays given notes: by its engine, or by its one recorded note."""

import numpy as np

from cir.audio.dsp import pad_or_trim
from cir.audio.io import load_audio
from cir.engines.base import Engine
from cir.engines.one_note import OneNoteEngine
from cir.engines.registry import open_engine
from cir.engines.soundfont import DEFAULT_BANK
from cir.errors import CirError, EngineError
from cir.instruments.families import reference_pitch
from cir.retrieval.melody import find_pitch
from cir.types import FloatArray, Match, Note

BY_ENGINE = "plays the notes estimated from your mix"
BY_ONE_NOTE = "plays the notes estimated from your mix, all from its one recorded note"
BY_PHRASE = "plays a phrase of its own: no line of notes is clear in your mix"
BY_NOTE = "plays one note: no line of notes is clear in your mix"

_PREVIEW_SECONDS = 30.0
_OWN_ENGINE = f"soundfont:{DEFAULT_BANK}#"
"""Engines that this package brings. Others are files of whoever made the database."""


def play_notes(
    match: Match, notes: tuple[Note, ...], seconds: float, sample_rate: int, family: str
) -> tuple[FloatArray, str]:
    """Render what a match plays beside a passage of a mix.

    Args:
        match: With a preview.
        notes: Those of the passage; none to let it play a phrase, or one note.
        seconds: Length of the passage.
        sample_rate: In Hz.
        family: Of the passage; the notes of percussion have no pitch.

    Returns:
        (T,), and in words how it was made.

    Raises:
        EngineError: There is nothing to hear of this instrument.
        InputError: Its preview cannot be read.
    """
    if match.preview is None:
        raise EngineError(f"There is no sound of {match.instrument.name} in this database.")
    if not notes:
        file, how = (match.preview, BY_NOTE) if match.phrase is None else (match.phrase, BY_PHRASE)
        sound, _ = load_audio(file, sample_rate=sample_rate)
        return _repeated(sound, round(seconds * sample_rate)), how
    if match.instrument.engine.startswith(_OWN_ENGINE) and family != "percussion":
        try:
            return open_engine(match.instrument.engine).render(
                notes, seconds, sample_rate
            ), BY_ENGINE
        except CirError:
            pass  # its recorded note is there
    return _one_note(match, family).render(notes, seconds, sample_rate), BY_ONE_NOTE


def _one_note(match: Match, family: str) -> Engine:
    assert match.preview is not None
    sound, rate = load_audio(match.preview, sample_rate=None, max_seconds=_PREVIEW_SECONDS)
    pitch = None
    if family != "percussion":
        pitch = find_pitch(sound, rate) or float(reference_pitch(match.instrument.family or family))
    return OneNoteEngine(sound, rate, pitch)


def _repeated(sound: FloatArray, length: int) -> FloatArray:
    """Repeat a sound up to a length."""
    return pad_or_trim(np.tile(sound, -(-length // len(sound))), length)
