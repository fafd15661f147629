"""Phrases: what each instrument of a database sounds like when it plays, not only its one note."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cir.audio.dsp import fade_out, peak_normalise, trim_tail
from cir.audio.io import save_opus
from cir.engines.base import Engine
from cir.engines.note_bank import NoteBankEngine
from cir.engines.registry import open_engine
from cir.errors import EngineError
from cir.files import replacing_folder
from cir.index.bundle import PHRASES_NAME
from cir.index.database import InstrumentDatabase
from cir.index.phrase_pitches import exact_notes, recorded_notes
from cir.index.phrase_scores import score_for
from cir.instruments.families import reference_pitch
from cir.instruments.note_bank import SAMPLE_RATE as BANK_RATE
from cir.instruments.note_bank import NoteBank
from cir.types import FloatArray, Instrument, Progress

PHRASE_SECONDS = 4.2
"""Two bars, and what rings on after them."""

PHRASE_RATE = 48_000
"""At which engines play."""

_RELEASE_SECONDS = 0.15
_FADE_SECONDS = 0.2
_PEAK = 0.9
_SILENT_PEAK = 1e-3
_TAIL_FLOOR = 1e-3
_COMPRESSION = 0.94
"""About 21 kbit/s."""


@dataclass(frozen=True)
class PhraseReport:
    """What became of the phrases of a database."""

    n_written: int
    left_out: tuple[str, ...]
    """For each instrument without a new phrase, why."""


def add_phrases(
    database: InstrumentDatabase,
    note_bank: NoteBank | None = None,
    *,
    progress: Progress | None = None,
) -> PhraseReport:
    """Give the instruments of a database their phrases, all at once, in place of older ones.

    Nothing else of the database is touched. Who cannot play keeps the phrase that is there.

    Args:
        database: where they go.
        note_bank: what recorded instruments play from; without it they are left out.
        progress: called after every instrument.

    Raises:
        DataError: the note bank is damaged.
    """
    folder = database.path / PHRASES_NAME
    with replacing_folder(folder) as temporary:
        report = write_phrases(temporary, database.instruments(), note_bank, progress=progress)
        for instrument in database.instruments():
            old = database.phrase_path(instrument.instrument_id)
            if old is not None and not (temporary / old.name).exists():
                shutil.copyfile(old, temporary / old.name)
    return report


def write_phrases(
    folder: Path,
    instruments: Sequence[Instrument],
    note_bank: NoteBank | None = None,
    *,
    progress: Progress | None = None,
) -> PhraseReport:
    """Write a phrase of each instrument that can play, `<id>.opus`, into a folder.

    The same instruments give the same bytes.

    Raises:
        DataError: the note bank is damaged.
    """
    left_out: list[str] = []
    for done, instrument in enumerate(instruments, start=1):
        try:
            audio, rate = render_phrase(instrument, note_bank)
        except EngineError as error:
            left_out.append(f"{instrument.instrument_id}: {error}")
        else:
            save_phrase(folder / f"{instrument.instrument_id}.opus", audio, rate)
        if progress is not None:
            progress(done / len(instruments), f"Playing phrases, {done} of {len(instruments)}")
    return PhraseReport(len(instruments) - len(left_out), tuple(left_out))


def render_phrase(
    instrument: Instrument, note_bank: NoteBank | None = None
) -> tuple[FloatArray, int]:
    """Let an instrument play its phrase.

    A recorded instrument plays on the notes that were recorded of it, at their own pitches; one
    with an engine plays the phrase of its family as it is written.

    Args:
        instrument: who plays.
        note_bank: where recorded notes are.

    Returns:
        The phrase, (T,), with a peak of 0.9, and its sample rate.

    Raises:
        EngineError: its engine is not here, one-shots are all there is of it, or it stays silent.
        DataError: the note bank is damaged.
    """
    scheme, _, reference = instrument.engine.partition(":")
    if scheme == "samples":
        raise EngineError("a one-shot is one note, no phrase can be played on it.")
    if scheme != "bank":
        engine = open_engine(instrument.engine)
        return play_phrase(engine, instrument.family, instrument.category), PHRASE_RATE
    score = score_for(instrument.family, instrument.category)
    name = reference.rpartition("#")[2]
    recorder, one_voice = _recorded(name, note_bank)
    notes = recorded_notes(
        score, reference_pitch(instrument.family), recorder.bank.notes(name), one_voice=one_voice
    )
    return _finish(recorder.render(notes, PHRASE_SECONDS, BANK_RATE), BANK_RATE), BANK_RATE


def play_phrase(engine: Engine, family: str | None, category: str = "") -> FloatArray:
    """Let an engine play the phrase of a family as it is written.

    Args:
        engine: who plays.
        family: slug; None plays what suits most.
        category: of the instrument, such as Chords; some have a phrase of their own.

    Returns:
        The phrase, (T,), with a peak of 0.9, at `PHRASE_RATE`.

    Raises:
        EngineError: it cannot play, or stays silent.
    """
    notes = exact_notes(score_for(family, category), reference_pitch(family))
    return _finish(engine.render(notes, PHRASE_SECONDS, PHRASE_RATE), PHRASE_RATE)


def save_phrase(path: Path, audio: FloatArray, sample_rate: int) -> None:
    """Write a phrase, (T,), as Ogg Opus."""
    save_opus(path, audio, sample_rate, compression=_COMPRESSION)


def _finish(audio: FloatArray, rate: int) -> FloatArray:
    if float(np.abs(audio).max()) < _SILENT_PEAK:
        raise EngineError("it stays silent at the pitches of its phrase.")
    fade = round(_FADE_SECONDS * rate)
    return trim_tail(fade_out(peak_normalise(audio, _PEAK), fade), _TAIL_FLOOR, fade // 4)


def _recorded(name: str, note_bank: NoteBank | None) -> tuple[NoteBankEngine, bool]:
    """The engine of a recorded instrument, and whether it has one voice only."""
    known = () if note_bank is None else [row.instrument_id for row in note_bank.instruments]
    if note_bank is None or name not in known:
        raise EngineError("its recorded notes are in no note bank at hand.")
    engine = NoteBankEngine(note_bank, name, release_seconds=_RELEASE_SECONDS)
    return engine, note_bank[name].is_monophonic
